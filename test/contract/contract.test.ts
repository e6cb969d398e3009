/** Every case at every front end: one list, one verdict. */
import { describe, expect, it } from 'vitest'
import { CONTRACT_CASES } from './cases.ts'
import { expectedOutcome, type ContractDriver } from './driver.ts'
import { startTestGate } from './gate.ts'
import { HTTP_DRIVER } from './http.ts'
import { MILTER_DRIVERS } from './milter.ts'
import { PLUGIN_DRIVER } from './plugin.ts'
import { POLICY_DRIVERS } from './policy.ts'
import { RELAY_DRIVER } from './relay.ts'

const DRIVERS: readonly ContractDriver[] = [PLUGIN_DRIVER, RELAY_DRIVER, ...MILTER_DRIVERS, ...POLICY_DRIVERS, HTTP_DRIVER]

// Each case has its own servers and its own DNS; smtp-server waits for early talkers most of the time.
describe.each(DRIVERS)('$name', { concurrent: true }, (driver) => {
  it.each(CONTRACT_CASES)('$id', async (testCase) => {
    await using setting = await startTestGate(testCase)
    expect(await driver.run(testCase, setting)).toEqual(expectedOutcome(driver, testCase))
  })
})
