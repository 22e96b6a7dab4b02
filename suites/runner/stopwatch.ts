// Times of a run: when it began by the clock, and how long it took by a clock that nobody sets.

/** `started` and `finished` of a run result. The system's clock may be set back meanwhile: the end is the start plus what passed. */
export function stopwatch(): { readonly started: string; finished(): string } {
  const [clock, begun] = [Date.now(), performance.now()];
  return {
    started: new Date(clock).toISOString(),
    finished: () => new Date(clock + (performance.now() - begun)).toISOString(),
  };
}
