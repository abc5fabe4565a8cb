/** What is remembered of targets across reloads, by plugin instance, by use, and by the target's content. */
import type { Heard, Row, SharedState, Target, TargetMemory } from "./balancer.ts";

/** What another process has told of an owner's targets. */
export interface PeerRows extends Omit<Heard, "row"> {
  /** By the keys of `TargetMemories.tell`. */
  readonly rows: Readonly<Record<string, Row>>;
}

/** Lives as long as the process. */
export interface TargetMemories {
  /**
   * The memory of one plugin instance for one use, e.g. an algorithm's name. To one target object it always gives the
   * same state, also once nobody holds on to the target any more; across objects of the same content it is remembered
   * only while somebody does.
   */
  of(owner: string, use: string): TargetMemory;
  /**
   * Holds on to what is, or was already, remembered of these targets. The last holder to let go has it forgotten; a
   * reload takes the new config's hold before it gives up the old one's. The returned function lets go; a second call
   * does nothing.
   */
  hold(owner: string, targets: readonly Target[]): () => void;
  /** What this process has to tell of the targets that are held on to, by use and content. */
  tell(owner: string): Readonly<Record<string, Row>>;
  /** What all other processes have told of an owner's targets, in place of what was heard before. */
  hear(owner: string, peers: readonly PeerRows[], delayMs: number): void;
  /** One listener, called whenever `tell` may give something else than before. */
  onChange(listener: (owner: string, isUrgent: boolean) => void): void;
}

interface Kept {
  readonly state: object;
  shared?: SharedState;
}

/** By use. */
type States = Map<string, Kept>;

interface Remembered {
  holders: number;
  readonly states: States;
}

interface News {
  readonly peers: readonly PeerRows[];
  readonly delayMs: number;
}

export function createTargetMemories(): TargetMemories {
  return new Memories();
}

class Memories implements TargetMemories {
  /** By owner and content. Only of targets that are held on to, so that it is bounded by the running configs. */
  readonly #remembered = new Map<string, Map<string, Remembered>>();
  /** By owner. Requests that outlive their config still ask: what has begun must end in the same state. */
  readonly #given = new WeakMap<Target, Map<string, States>>();
  /** Of targets that were held on to and let go: should anybody hold on to one again, it starts from nothing. */
  readonly #forgotten = new WeakSet<States>();
  /** By owner. */
  readonly #heard = new Map<string, News>();
  #listener: ((owner: string, isUrgent: boolean) => void) | undefined;

  of(owner: string, use: string): TargetMemory {
    const changed = () => this.#listener?.(owner, false);
    const changedNow = () => this.#listener?.(owner, true);
    const telling = { changed, changedNow };
    return {
      of: <State extends object>(target: Target, create: () => State): State =>
        this.#recall(owner, use, target, create).state as State, // one use always asks for the same kind of state
      share: (target, shared) => {
        const kept = this.#givenTo(owner, target).get(use);
        if (kept === undefined) throw new Error(`nothing of ${use} is remembered of ${target.name} to share`);
        kept.shared = shared;
        const news = this.#heard.get(owner);
        if (news !== undefined) inform(shared, keyOf(use, target.id), news);
        return telling;
      },
    };
  }

  hold(owner: string, targets: readonly Target[]): () => void {
    for (const target of targets) this.#hold(owner, target);
    this.#listener?.(owner, false);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      for (const target of targets) this.#letGo(owner, target);
      this.#listener?.(owner, false);
    };
  }

  tell(owner: string): Readonly<Record<string, Row>> {
    const rows: Record<string, Row> = {};
    this.#eachShared(owner, (key, shared) => {
      rows[key] = shared.tell();
    });
    return rows;
  }

  hear(owner: string, peers: readonly PeerRows[], delayMs: number): void {
    const news = { peers, delayMs };
    if (peers.length === 0) this.#heard.delete(owner);
    else this.#heard.set(owner, news);
    this.#eachShared(owner, (key, shared) => inform(shared, key, news));
  }

  onChange(listener: (owner: string, isUrgent: boolean) => void): void {
    this.#listener = listener;
  }

  #eachShared(owner: string, act: (key: string, shared: SharedState) => void): void {
    for (const [id, { states }] of this.#remembered.get(owner) ?? []) {
      for (const [use, { shared }] of states) if (shared !== undefined) act(keyOf(use, id), shared);
    }
  }

  #givenTo(owner: string, target: Target): States {
    const byOwner = this.#given.get(target) ?? new Map<string, States>();
    const states = byOwner.get(owner) ?? new Map<string, Kept>();
    this.#given.set(target, byOwner.set(owner, states));
    return states;
  }

  #recall(owner: string, use: string, target: Target, create: () => object): Kept {
    const own = this.#givenTo(owner, target);
    const known = own.get(use);
    if (known !== undefined) return known;
    const held = this.#remembered.get(owner)?.get(target.id)?.states;
    const kept = held?.get(use) ?? { state: create() };
    own.set(use, kept);
    held?.set(use, kept);
    return kept;
  }

  #hold(owner: string, target: Target): void {
    const ofOwner = this.#remembered.get(owner) ?? new Map<string, Remembered>();
    this.#remembered.set(owner, ofOwner);
    const known = ofOwner.get(target.id) ?? { holders: 0, states: new Map() };
    known.holders++;
    ofOwner.set(target.id, known);
    const own = this.#givenTo(owner, target);
    if (this.#forgotten.delete(own)) own.clear();
    for (const [use, kept] of own) {
      if (!known.states.has(use)) known.states.set(use, kept);
    }
  }

  #letGo(owner: string, target: Target): void {
    const ofOwner = this.#remembered.get(owner);
    const known = ofOwner?.get(target.id);
    if (ofOwner === undefined || known === undefined) return;
    known.holders--;
    if (known.holders > 0) return;
    ofOwner.delete(target.id);
    if (ofOwner.size === 0) this.#remembered.delete(owner);
    this.#forgotten.add(this.#givenTo(owner, target));
  }
}

/** A content is a hash: the use may hold anything but a space. */
function keyOf(use: string, id: string): string {
  return `${use} ${id}`;
}

function inform(shared: SharedState, key: string, { peers, delayMs }: News): void {
  const heard: Heard[] = [];
  for (const { rows, clockOffsetMs, isAlive } of peers) {
    const row = rows[key];
    if (row !== undefined) heard.push({ row, clockOffsetMs, isAlive });
  }
  shared.hear(heard, delayMs);
}
