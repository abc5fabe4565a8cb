/** An answer's body that tells when it is over. */
import type { BodyFlow, BodySink, BodyStream } from "../http/reply.ts";

/** ended: whole · cut: the upstream broke off · left: the reader wanted no more. */
export type BodyEnd = "ended" | "cut" | "left";

/** The same body; `onEnd` is called once, however it ends. */
export function watchBody(body: BodyStream, onEnd: (end: BodyEnd) => void): BodyStream {
  let isOver = false;
  const over = (end: BodyEnd) => {
    if (isOver) return;
    isOver = true;
    onEnd(end);
  };
  return {
    start(sink: BodySink): BodyFlow {
      const flow = body.start({
        write: (chunk) => sink.write(chunk),
        end() {
          over("ended");
          sink.end();
        },
        fail(error) {
          over("cut");
          sink.fail(error);
        },
      });
      return {
        resume: () => flow.resume(),
        cancel(reason) {
          over("left");
          flow.cancel(reason);
        },
      };
    },
  };
}
