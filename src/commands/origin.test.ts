import { describe, expect, it } from "vitest";
import type { ControlPlane } from "../control/control-plane.ts";
import { degradedOrigin } from "./origin.ts";

const degraded = (facts: Pick<ControlPlane, "fault" | "outage">) =>
  degradedOrigin({ control: { place: "postgres at db", ...facts } as ControlPlane }); // what is looked at

describe("what is amiss with the configuration", () => {
  it("is nothing where it is served and its store answers", () => {
    expect(degraded({ fault: undefined, outage: undefined })).toEqual([]);
  });

  it("is a store that does not answer, and what of its content cannot be served, each with its reason", () => {
    expect(degraded({ fault: "X is not set", outage: "connection refused" })).toEqual([
      { component: "configuration", name: "postgres at db", state: "down", reason: "X is not set" },
      { component: "config_store", name: "postgres at db", state: "down", reason: "connection refused" },
    ]);
  });
});
