import { expect, test } from 'vitest'
import { optionsPage } from '../../scripts/options-page.ts'
import { configJsonSchema } from '../../src/config/json-schema.ts'

// Both files are made from the schema. Where this fails, the schema was changed: run it again with -u, and commit them.

test('the options page says what the schema says', async () => {
  await expect(optionsPage(configJsonSchema())).toMatchFileSnapshot('../../docs/options.md')
})

test('the published JSON Schema is that of the source', async () => {
  await expect(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`).toMatchFileSnapshot('../../schema/coatcheck.schema.json')
})
