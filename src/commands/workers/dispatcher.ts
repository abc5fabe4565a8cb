/**
 * Deals connections out to workers in turn: clients that keep a pool of connections are spread evenly, which a kernel
 * that wakes whoever sleeps lightest does not do. A worker that has not taken the last few is passed over, and what was
 * on its way to one that died goes to others.
 */
import type { Socket } from "node:net";
import type { Entrance } from "./messages.ts";

/** Nobody has read from it yet. */
export interface Connection {
  readonly socket: Socket;
  readonly entrance: Entrance;
}

/** Somebody who serves connections. */
export interface Taker {
  /** Hands a copy of the connection over; `onTaken` says that it has arrived. */
  give(connection: Connection, onTaken: () => void): void;
}

export interface Dispatcher {
  /** It is closed at once where too many wait. */
  offer(connection: Connection): void;
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
  const takers = new Map<Taker, Set<Connection>>(); // in the order of their turns, with what is on its way to them
  let waiting: Connection[] = [];

  const deal = () => {
    while (waiting.length > 0) {
      const next = [...takers].find(([, onTheirWay]) => onTheirWay.size < maxOnTheirWay);
      const connection = waiting[0];
      if (next === undefined || connection === undefined) return;
      waiting.shift();
      const [taker, onTheirWay] = next;
      onTheirWay.add(connection);
      takers.delete(taker);
      takers.set(taker, onTheirWay);
      taker.give(connection, () => land(taker, connection));
    }
  };
  const land = (taker: Taker, connection: Connection) => {
    if (takers.get(taker)?.delete(connection) !== true) return;
    connection.socket.destroy(); // our copy alone: the connection lives on in the worker
    deal();
  };
  return {
    offer(connection) {
      if (waiting.length >= maxWaiting) {
        connection.socket.destroy();
        return;
      }
      waiting.push(connection);
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
      for (const { socket } of waiting) socket.destroy();
      waiting = [];
    },
  };
}
