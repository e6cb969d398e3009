/** For the tests of other programs: `import { startLab } from 'ptrgate/testing'`. */
export type { DnsFault, DnsFaultEffect } from './dns/authority.ts'
export { startLab, type Lab, type LabOptions } from './lab/start-lab.ts'
