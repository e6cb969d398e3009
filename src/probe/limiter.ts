/**
 * How many sessions run at once, how fast they begin, and how long a host is left alone between two of them. First come, first served
 * a host; hosts take turns, so that one with many sessions to come keeps nobody waiting. Clock and timer are passed in.
 */
import type { StartTimer } from '../core/timer.ts'

export interface LimiterSettings {
  /** At once, over all hosts. */
  readonly maxSessions: number
  readonly maxSessionsPerHost: number
  /** From the end of a session to the beginning of the next with the same host. */
  readonly pausePerHostMs: number
  /** Beginnings, over all hosts, evenly spread; null: as fast as they come. */
  readonly sessionsPerSecond: number | null
}

export interface LimiterClock {
  readonly startTimer: StartTimer
  readonly now: () => number
}

export type Release = () => void
/** Resolves when a session may begin; null when the signal came first. The release is to be called once it is over, in any case. */
export type Admit = (signal?: AbortSignal) => Promise<Release | null>

export class SessionLimiter {
  readonly #settings: LimiterSettings
  readonly #clock: LimiterClock
  readonly #lanes = new Map<string, Lane>()
  /** Have somebody waiting who may go as soon as there is room; in the order of their turns. */
  readonly #ready = new Set<Lane>()
  /** Nobody waits there, but the host is still left alone; in the order in which that ends. */
  readonly #resting: Lane[] = []
  #running = 0
  #nextStartAt = -Infinity
  #cancelTimer: (() => void) | null = null

  constructor(settings: LimiterSettings, clock: LimiterClock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** `host`: whatever is one server to its owner, the address as a rule. */
  acquire(host: string, signal?: AbortSignal): Promise<Release | null> {
    if (signal?.aborted === true) return Promise.resolve(null)
    this.#forgetRested()
    return new Promise((resolve) => {
      const lane = this.#laneOf(host)
      const leave = (): void => {
        lane.waiting.delete(waiter)
        if (lane.waiting.size === 0) this.#settle(lane)
        if (this.#ready.size === 0) this.#stopTimer()
        resolve(null)
      }
      const waiter: Waiter = () => {
        signal?.removeEventListener('abort', leave)
        resolve(this.#begin(lane))
      }
      signal?.addEventListener('abort', leave, { once: true })
      lane.waiting.add(waiter)
      this.#settle(lane)
      this.#start()
    })
  }

  /** The same for one host, as a session wants it. */
  forHost(host: string): Admit {
    return (signal) => this.acquire(host, signal)
  }

  /** Hosts that are remembered: with sessions, waiting ones, or left alone for now. */
  get hosts(): number {
    return this.#lanes.size
  }

  #laneOf(host: string): Lane {
    const known = this.#lanes.get(host)
    if (known !== undefined) return known
    const lane: Lane = { host, waiting: new Set(), running: 0, readyAt: -Infinity, cancelTimer: null }
    this.#lanes.set(host, lane)
    return lane
  }

  #begin(lane: Lane): Release {
    lane.running++
    this.#running++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#running--
      lane.running--
      lane.readyAt = this.#clock.now() + this.#settings.pausePerHostMs
      this.#forgetRested()
      this.#settle(lane)
      this.#start()
    }
  }

  /** Puts a lane where it belongs: ready, waiting for its time, resting, or forgotten. One that is ready keeps its place. */
  #settle(lane: Lane): void {
    const waitMs = lane.readyAt - this.#clock.now()
    const hasRoom = lane.waiting.size > 0 && lane.running < this.#settings.maxSessionsPerHost
    if (hasRoom && waitMs <= 0) {
      this.#ready.add(lane)
      return
    }
    this.#ready.delete(lane)
    if (hasRoom) {
      lane.cancelTimer ??= this.#clock.startTimer(Math.ceil(waitMs), () => {
        lane.cancelTimer = null
        this.#settle(lane)
        this.#start()
      })
    } else if (lane.waiting.size === 0) {
      lane.cancelTimer?.()
      lane.cancelTimer = null
      if (lane.running === 0) this.#rest(lane, waitMs)
    }
  }

  #rest(lane: Lane, waitMs: number): void {
    if (waitMs > 0) this.#resting.push(lane)
    else this.#lanes.delete(lane.host)
  }

  #start(): void {
    for (const lane of this.#ready) {
      if (this.#running >= this.#settings.maxSessions || !this.#takeTurn()) return
      const [waiter] = lane.waiting
      if (waiter === undefined) continue
      lane.waiting.delete(waiter)
      waiter()
      // Behind all others, when there is more: a set keeps the order in which its members came.
      this.#ready.delete(lane)
      this.#settle(lane)
    }
  }

  /** False when it is too early by the rate; then the time will come by itself. */
  #takeTurn(): boolean {
    const { sessionsPerSecond } = this.#settings
    if (sessionsPerSecond === null) return true
    const now = this.#clock.now()
    const waitMs = this.#nextStartAt - now
    if (waitMs <= 0) {
      this.#nextStartAt = Math.max(now, this.#nextStartAt) + 1000 / sessionsPerSecond
      return true
    }
    this.#cancelTimer ??= this.#clock.startTimer(Math.ceil(waitMs), () => {
      this.#cancelTimer = null
      this.#start()
    })
    return false
  }

  /** Nobody waits for it: it shall not keep the process alive. */
  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  /** Here, rather than by a timer for each, since nobody waits for it. */
  #forgetRested(): void {
    const now = this.#clock.now()
    let rested = 0
    for (const lane of this.#resting) {
      if (lane.readyAt > now) break
      rested++
      if (lane.waiting.size === 0 && lane.running === 0 && this.#lanes.get(lane.host) === lane) this.#lanes.delete(lane.host)
    }
    this.#resting.splice(0, rested)
  }
}

type Waiter = () => void

interface Lane {
  readonly host: string
  readonly waiting: Set<Waiter>
  running: number
  readyAt: number
  cancelTimer: (() => void) | null
}
