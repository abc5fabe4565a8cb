/**
 * Deals connections out to workers in turn: clients that keep a pool of connections are spread evenly, which a kernel
 * that wakes whoever sleeps lightest does not do. A worker that has not taken the last few is passed over, and what was
 * on its way to one that died goes to others.
 */
import type { Socket } from "node:net";

/** Somebody who serves connections. */
export interface Taker {
  /** Hands a copy of the connection over; `onTaken` says that it has arrived. */
  give(socket: Socket, onTaken: () => void): void;
}

export interface Dispatcher {
  /** A connection that nobody has read from yet. It is closed at once where too many wait. */
  offer(socket: Socket): void;
  add(taker: Taker): void;
  /** The taker is gone, or is to get no more; does nothing for one that is not there. */
  remove(taker: Taker): void;
  /** Closes what waits. */
  close(): void;
}

/** Connections on their way to one worker; a guess. A worker that hangs keeps that many waiting. */
const maxOnTheirWay = 8;

/** `maxWaiting` bounds the connections that wait while no worker takes any. */
export function createDispatcher(maxWaiting: number): Dispatcher {
  const takers = new Map<Taker, Set<Socket>>(); // in the order of their turns, with what is on its way to them
  let waiting: Socket[] = [];

  const deal = () => {
    while (waiting.length > 0) {
      const next = [...takers].find(([, onTheirWay]) => onTheirWay.size < maxOnTheirWay);
      const socket = waiting[0];
      if (next === undefined || socket === undefined) return;
      waiting.shift();
      const [taker, onTheirWay] = next;
      onTheirWay.add(socket);
      takers.delete(taker);
      takers.set(taker, onTheirWay);
      taker.give(socket, () => land(taker, socket));
    }
  };
  const land = (taker: Taker, socket: Socket) => {
    if (takers.get(taker)?.delete(socket) !== true) return;
    socket.destroy(); // our copy alone: the connection lives on in the worker
    deal();
  };
  return {
    offer(socket) {
      if (waiting.length >= maxWaiting) {
        socket.destroy();
        return;
      }
      waiting.push(socket);
      deal();
    },
    add(taker) {
      takers.set(taker, new Set());
      deal();
    },
    remove(taker) {
      const lost = takers.get(taker) ?? [];
      takers.delete(taker);
      waiting = [...lost, ...waiting];
      deal();
    },
    close() {
      for (const socket of waiting) socket.destroy();
      waiting = [];
    },
  };
}
