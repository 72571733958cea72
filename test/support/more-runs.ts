import fc from 'fast-check'

/** `npm run fuzz`: the property tests of the parsers with many more cases than in the suite. Those that set a number keep it. */
fc.configureGlobal({ numRuns: Number(process.env['FUZZ_RUNS']) })
