/** Faults below HTTP, and errors made up from a bare status. */
import type { Socket } from "node:net";
import { VendorError } from "./endpoint.ts";

const messages: Readonly<Record<number, string>> = {
  400: "The request was malformed.",
  401: "Incorrect API key provided.",
  403: "You are not allowed to use this model.",
  404: "The model does not exist or you do not have access to it.",
  408: "The request timed out.",
  413: "The request is too large.",
  429: "Rate limit reached. Please try again later.",
  500: "The server had an error while processing your request. Sorry about that!",
  502: "Bad gateway.",
  503: "The engine is currently overloaded, please try again later.",
  504: "The request timed out while it was processed.",
  529: "Overloaded",
};

/** What a vendor says with a status when nothing is known of the cause. */
export function simulatedError(status: number): VendorError {
  return new VendorError(status, messages[status] ?? `Simulated error with status ${status}.`);
}

/** Sends a response head that stops in the middle of a header; resolves when it is on its way. */
export function sendHalfHeader(socket: Socket): Promise<void> {
  return write(socket, "HTTP/1.1 200 OK\r\nContent-Type: applicat");
}

/** Resolves when everything written before is on its way. */
export function flush(socket: Socket): Promise<void> {
  return write(socket, "");
}

/** Also resolves when the socket is gone: then nothing is left to wait for. */
function write(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve) => {
    socket.write(text, () => resolve());
  });
}
