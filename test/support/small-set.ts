import { EntitySet, membershipOf } from "../../src/control/entity-set.ts";
import { idNumbered, stored } from "./control.ts";

/** A reference to the entity of that number. */
export const idOf = (number: number) => ({ id: idNumbered(number) });

/** A service with a route that has a plugin; a consumer with a key, in a group that has a plugin. Numbered from 101. */
export const smallSet = EntitySet.of([
  stored("service", 101, { name: "chat", host: "a.example", tags: ["x"] }),
  stored("route", 102, { name: "ask", paths: ["/ask"], service: idOf(101) }),
  stored("plugin", 103, { name: "http-log", config: { http_endpoint: "http://a/" }, route: idOf(102) }),
  stored("consumer", 104, { username: "ada" }),
  stored("keyauth_credential", 105, { key: "ada's key", consumer: idOf(104) }),
  stored("consumer_group", 106, { name: "team" }),
  stored("plugin", 107, { name: "file-log", config: { path: "/tmp/x" }, consumer_group: idOf(106) }),
  membershipOf({ consumer: idNumbered(104), group: idNumbered(106) }),
]);
