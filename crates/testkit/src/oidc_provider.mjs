// A real OpenID Connect provider on a free port of this machine, for tests.
//
// node oidc_provider.mjs FOLDER MODULE REDIRECT_URI...
//
// FOLDER/accounts.json maps who may sign in (any password) to their claims; it is read
// at each sign-in. FOLDER/issuer gets the address once requests are taken.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [folder, module, ...redirects] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(module));

const accounts = async () => JSON.parse(await readFile(`${folder}/accounts.json`, 'utf8'));
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'rsa' };

const server = createServer((request, response) => handler(request, response));
let handler = (_, response) => { response.statusCode = 503; response.end(); };
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = (id, more) => ({
  client_id: id,
  redirect_uris: redirects,
  response_types: ['code'],
  grant_types: ['authorization_code'],
  ...more,
});

const provider = new Provider(issuer, {
  clients: [
    client('confidential', { client_secret: 'a client secret: %&+ =' }),
    client('public', { token_endpoint_auth_method: 'none' }),
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['only for tests'] },
  claims: {
    openid: ['sub', 'acr'],
    email: ['email', 'email_verified'],
    profile: ['given_name', 'family_name'],
    groups: ['groups'],
  },
  scopes: ['openid', 'email', 'profile', 'groups'],
  pkce: { methods: ['S256'], required: () => true },
  findAccount: async (_, id) => {
    const claims = (await accounts())[id];
    return claims && { accountId: id, claims: async () => ({ sub: id, ...claims }) };
  },
  features: { devInteractions: { enabled: true } },
  renderError: async (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
});
handler = provider.callback();

await writeFile(`${folder}/issuer.new`, issuer);
await rename(`${folder}/issuer.new`, `${folder}/issuer`);
