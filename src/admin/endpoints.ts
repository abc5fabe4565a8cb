/** The paths of entities, derived from the kinds as the pages that answer them are. */
import { type Kind, kindOf, kinds, referringTo } from "../control/kinds.ts";
import { memberships } from "./memberships.ts";

export interface EntityEndpoint {
  /** As OpenAPI writes it: `/services/{service}/routes`. */
  readonly path: string;
  /** What is found there. */
  readonly kind: Kind;
  readonly shape: "list" | "item";
  /** In whose place in the path it is found, where it is not its own. */
  readonly owner?: Kind;
  /** The owner is what refers to it, so that it cannot be deleted there. */
  readonly isReferredTo?: true;
}

export interface MembershipEndpoint {
  readonly path: string;
  /** The entity that the path names. */
  readonly own: Kind;
  /** Those that are, or are to be, together with it. */
  readonly other: Kind;
  /** What the list of the others is called in answers. */
  readonly nested: string;
  /** What the other is called in a body. */
  readonly field: string;
  readonly shape: "list" | "item";
}

/** Each path once, in the order of the kinds. */
export function entityEndpoints(): readonly EntityEndpoint[] {
  const taken = new Set(membershipEndpoints().map(({ path }) => path));
  const found = new Map<string, EntityEndpoint>();
  for (const endpoint of kinds.flatMap(endpointsOf))
    if (!taken.has(endpoint.path) && !found.has(endpoint.path)) found.set(endpoint.path, endpoint);
  return [...found.values()];
}

function endpointsOf(kind: Kind): readonly EntityEndpoint[] {
  const list = `/${kind.collection}`;
  const item = `${list}/{${kind.name}}`;
  const inner = referringTo(kind.name).flatMap(({ kind: other }) => {
    const path = `${item}/${other.nestedCollection}`;
    return [
      { path, kind: other, shape: "list", owner: kind } as const,
      { path: `${path}/{${other.name}}`, kind: other, shape: "item", owner: kind } as const,
    ];
  });
  const upward = kind.foreignKeys.map(
    ({ field, to }) =>
      ({
        path: `${item}/${field}`,
        kind: kindOf(to),
        shape: "item",
        owner: kind,
        isReferredTo: true,
      }) as const,
  );
  return [{ path: list, kind, shape: "list" }, { path: item, kind, shape: "item" }, ...inner, ...upward];
}

/** Of consumers in groups, from both sides. */
export function membershipEndpoints(): readonly MembershipEndpoint[] {
  return memberships.flatMap(({ collection, field, nested, other, own }) => {
    const path = `/${collection}/{${own}}/${nested}`;
    const both = { own: kindOf(own), other: kindOf(other), nested, field };
    return [
      { ...both, path, shape: "list" } as const,
      { ...both, path: `${path}/{${other}}`, shape: "item" } as const,
    ];
  });
}
