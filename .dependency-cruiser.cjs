/**
 * The import table of the design, as rules. A folder may import itself and what its row names; types from `dns` are free
 * where the table says so. Core modules that touch the outside are fenced in as well.
 */
const folder = (...names) => `^src/(${names.join('|')})/`
const allow = (name, values, types = []) => [
  {
    name: `${name}-imports`,
    comment: `src/${name} may import ${['itself', ...values].join(', ')}${types.length ? `, and types of ${types.join(', ')}` : ''}`,
    severity: 'error',
    from: { path: folder(name) },
    to: { path: '^src/', pathNot: folder(name, ...values), ...(types.length ? { dependencyTypesNot: ['type-only'] } : {}) },
  },
  ...(types.length
    ? [
        {
          name: `${name}-imports-types`,
          severity: 'error',
          from: { path: folder(name) },
          to: { path: '^src/', pathNot: folder(name, ...values, ...types), dependencyTypes: ['type-only'] },
        },
      ]
    : []),
]

const everythingAbove = ['core', 'wire', 'dns', 'iprev', 'identity', 'findings', 'policy', 'personas', 'remedy', 'render', 'engine']

module.exports = {
  forbidden: [
    ...allow('core', []),
    ...allow('wire', ['core']),
    ...allow('dns', ['core', 'wire']),
    ...allow('findings', ['core'], ['dns']),
    ...allow('iprev', ['core', 'findings'], ['dns']),
    ...allow('identity', ['core', 'findings'], ['dns', 'iprev']),
    ...allow('policy', ['core', 'findings'], ['iprev', 'identity']),
    ...allow('personas', ['core', 'findings', 'wire'], ['policy', 'iprev', 'identity']),
    ...allow('remedy', ['core', 'findings', 'wire'], ['policy', 'iprev', 'identity', 'dns']),
    ...allow('render', ['core', 'findings', 'wire'], ['policy', 'iprev', 'identity', 'remedy']),
    ...allow('explain', ['core', 'wire', 'findings', 'identity', 'personas', 'remedy', 'render'], ['policy', 'iprev']),
    ...allow('engine', everythingAbove),
    ...allow('probe', everythingAbove),
    ...allow('audit', [...everythingAbove, 'probe']),
    ...allow('gateway', [...everythingAbove, 'probe', 'audit']),
    ...allow('lab', [...everythingAbove, 'probe', 'audit', 'gateway']),
    {
      name: 'one-adapter-never-imports-another',
      severity: 'error',
      from: { path: '^src/gateway/(smtp-server|relay|milter|policy-delegation|http)[./]' },
      to: { path: '^src/gateway/(smtp-server|relay|milter|policy-delegation|http)[./]', pathNot: '^src/gateway/$1[./]' },
    },
    { name: 'nobody-imports-app', severity: 'error', from: { path: '^src/', pathNot: '^src/app/' }, to: { path: '^src/app/' } },
    {
      name: 'input-and-output-only-at-the-edges',
      comment: 'sockets, TLS, files and HTTP belong to dns/client, dns/authority, probe, gateway, lab and app',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(dns/(client|authority)|probe/|gateway/|lab/|app/)' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(net|dgram|tls|fs|fs/promises|http|https|http2|child_process|dns|dns/promises|cluster|worker_threads)$',
      },
    },
    { name: 'sources-never-import-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|bench)/' } },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-packages-in-sources',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
}
