/** Timers as a parameter, so that tests have a time of their own. */

/** Runs the callback once after the time, and gives the way to cancel it. */
export type StartTimer = (milliseconds: number, callback: () => void) => () => void

export const startNodeTimer: StartTimer = (milliseconds, callback) => {
  const timer = setTimeout(callback, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}

/** One that keeps no process alive. */
export const startBackgroundTimer: StartTimer = (milliseconds, callback) => {
  const timer = setTimeout(callback, milliseconds)
  timer.unref()
  return () => {
    clearTimeout(timer)
  }
}
