import { describe, expect, it } from "vitest";
import type { AttemptFailure } from "./balancer.ts";
import { tellsOfTarget } from "./target-failure.ts";

describe("a failed attempt", () => {
  it.each<AttemptFailure | undefined>([
    undefined,
    "error",
    "timeout",
    "invalid_header",
    "unusable",
    "stream",
    "http_401",
    "http_403",
    "http_404",
    "http_429",
    "http_500",
    "http_503",
    "http_529",
  ])("tells of the target: %s", (failure) => {
    expect(tellsOfTarget(failure)).toBe(true);
  });

  it.each<AttemptFailure>(["http_400", "http_413", "http_415", "http_422"])(
    "tells of the request: %s",
    (failure) => {
      expect(tellsOfTarget(failure)).toBe(false);
    },
  );
});
