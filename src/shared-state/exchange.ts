/** The engine of the family: when this process tells the others of its targets, and whom it believes what. */
import type { PeerRows } from "../balancer/target-memory.ts";
import type { Schedule } from "../util/schedule.ts";
import { parseRows } from "./rows.ts";
import type { SharedMemory } from "./shared-memory.ts";
import type { HeardReport, Listener, StateChannel } from "./state-channel.ts";

export interface StateExchange {
  /** Shares what is remembered for an owner through one more channel, until the returned function is called. */
  join(owner: string, channel: StateChannel): () => void;
  /** Tells of everything once more, for the last time. The channels are their owners' to close. */
  close(): void;
}

export interface StateExchangeOptions {
  readonly memories: SharedMemory;
  /** This process: no two that ever lived share it. */
  readonly peer: string;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly schedule: Schedule;
  /** A channel for all owners: the workers of one gateway. */
  readonly siblings?: StateChannel;
}

/** A burst of changes becomes one report. An urgent one does not wait. A choice: far below what an answer of a model takes. */
export const gatherMs = 20;

/** What a process has counted is believed for so long after its end, and of no more than so many of them. Choices. */
const rememberMs = 3_600_000;
const mostGone = 64;

/** What is told of an owner that no running config has any more. */
const nothing = "{}";

/** Does nothing and costs nothing while no channel is joined. */
export function createStateExchange(options: StateExchangeOptions): StateExchange {
  return new Exchange(options);
}

interface Peer {
  report: HeardReport;
  rows: PeerRows["rows"];
  /** Channels through which it was heard of last, and is not gone. */
  readonly aliveIn: Set<StateChannel>;
  goneAt: number;
}

interface Owner {
  readonly channels: Set<StateChannel>;
  readonly peers: Map<string, Peer>;
  told: string;
  /** Of the last report. */
  number: number;
  isUrgent: boolean;
  cancel: (() => void) | undefined;
}

class Exchange implements StateExchange {
  readonly #options: StateExchangeOptions;
  readonly #owners = new Map<string, Owner>();
  #reports = 0;

  constructor(options: StateExchangeOptions) {
    this.#options = options;
    const { siblings, memories } = options;
    siblings?.open(this.#listenerOf(siblings));
    memories.onChange((owner, isUrgent) => this.#changed(owner, isUrgent));
  }

  join(owner: string, channel: StateChannel): () => void {
    const own = this.#ownerOf(owner);
    own.channels.add(channel);
    channel.open(this.#listenerOf(channel));
    this.#flush(owner, own, true);
    return () => {
      this.#flush(owner, own, true);
      own.channels.delete(channel);
      for (const peer of own.peers.values()) this.#lose(own, peer, channel);
      if (own.channels.size === 0) this.#leave(owner, own);
      else this.#pass(owner, own);
    };
  }

  close(): void {
    for (const [name, owner] of this.#owners) this.#flush(name, owner, true);
  }

  #listenerOf(channel: StateChannel): Listener {
    return {
      heard: (owner, report) => this.#heard(owner, report, channel),
      gone: (name, id) => {
        const owner = this.#owners.get(name);
        const peer = owner?.peers.get(id);
        if (owner === undefined || peer === undefined) return;
        this.#lose(owner, peer, channel);
        this.#pass(name, owner);
      },
    };
  }

  #ownerOf(name: string): Owner {
    const { siblings } = this.#options;
    const known = this.#owners.get(name) ?? {
      channels: new Set(siblings === undefined ? [] : [siblings]),
      peers: new Map(),
      told: "",
      number: 0,
      isUrgent: false,
      cancel: undefined,
    };
    this.#owners.set(name, known);
    return known;
  }

  #leave(name: string, owner: Owner): void {
    owner.cancel?.();
    this.#owners.delete(name);
    this.#options.memories.hear(name, [], 0);
  }

  #changed(name: string, isUrgent: boolean): void {
    const owner = this.#options.siblings === undefined ? this.#owners.get(name) : this.#ownerOf(name);
    if (owner === undefined) return;
    if (owner.cancel !== undefined) {
      if (owner.isUrgent || !isUrgent) return;
      owner.cancel();
    }
    owner.isUrgent = isUrgent;
    owner.cancel = this.#options.schedule(isUrgent ? 0 : gatherMs, () => this.#flush(name, owner, isUrgent));
  }

  #flush(name: string, owner: Owner, isUrgent: boolean): void {
    owner.cancel?.();
    owner.cancel = undefined;
    owner.isUrgent = false;
    const rows = JSON.stringify(this.#options.memories.tell(name));
    if (rows !== owner.told) owner.number = ++this.#reports;
    owner.told = rows;
    const report = { peer: this.#options.peer, number: owner.number, rows };
    for (const channel of owner.channels) channel.tell(name, report, isUrgent);
    if (rows === nothing && [...owner.channels].every((channel) => channel === this.#options.siblings))
      this.#leave(name, owner);
  }

  #heard(name: string, report: HeardReport, channel: StateChannel): void {
    if (report.peer === this.#options.peer) return;
    const owner = channel === this.#options.siblings ? this.#ownerOf(name) : this.#owners.get(name);
    if (owner === undefined || !owner.channels.has(channel)) return; // it was left
    const known = owner.peers.get(report.peer);
    if (known !== undefined && report.number <= known.report.number) {
      // Through another channel, or once more as a sign of life: what matters is whether it was thought to be gone.
      const wasGone = known.aliveIn.size === 0;
      known.aliveIn.add(channel);
      if (wasGone) this.#pass(name, owner);
      return;
    }
    const rows = parseRows(report.rows);
    if (rows === undefined) return; // of another version of this program
    const aliveIn = known?.aliveIn ?? new Set();
    owner.peers.set(report.peer, { report, rows, aliveIn: aliveIn.add(channel), goneAt: 0 });
    this.#pass(name, owner);
  }

  #lose(owner: Owner, peer: Peer, channel: StateChannel): void {
    if (!peer.aliveIn.delete(channel) || peer.aliveIn.size > 0) return;
    peer.goneAt = this.#options.now();
    const gone = [...owner.peers.values()].filter(({ aliveIn }) => aliveIn.size === 0);
    const oldest = gone.reduce((first, each) => (each.goneAt < first.goneAt ? each : first), peer);
    if (gone.length > mostGone) owner.peers.delete(oldest.report.peer);
  }

  /** Has the states know what is believed now. */
  #pass(name: string, owner: Owner): void {
    const now = this.#options.now();
    const peers: PeerRows[] = [];
    for (const [id, { report, rows, aliveIn, goneAt }] of owner.peers) {
      const isAlive = aliveIn.size > 0;
      if (!isAlive && now - goneAt > rememberMs) owner.peers.delete(id);
      else peers.push({ rows, clockOffsetMs: report.clockOffsetMs, isAlive });
    }
    const delayMs = Math.max(0, ...[...owner.channels].map((channel) => channel.delayMs));
    this.#options.memories.hear(name, peers, delayMs);
  }
}
