// Providers of log-ins for the tests: a hostile OpenID provider that says what its caller wants, a real one, and GitHub.
// Argument: the folder of the npm packages. Prints their addresses as JSON, and ends with its standard input.
import { createHmac, createPrivateKey, sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const modules = process.argv[2];
const require = createRequire(`${modules}/x.js`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const decode = (code) => JSON.parse(Buffer.from(code, 'base64url').toString());
const listen = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)));

// The parameter `forge` of its authorization endpoint is what the ID token is to say, so that every test forges its own.
const { OAuth2Server } = await load('oauth2-mock-server');
const mock = new OAuth2Server();
await mock.issuer.keys.generate('RS256');
await mock.start(0, '127.0.0.1');
mock.issuer.url = `http://127.0.0.1:${mock.address().port}`;
const forged = new Map();
mock.service.on('beforeAuthorizeRedirect', (redirect, request) => {
  forged.set(redirect.url.searchParams.get('code'), decode(request.query.forge));
});
mock.service.on('beforeTokenSigning', (token, request) => {
  const { header, ...claims } = forged.get(request.body.code);
  Object.assign(token.payload, claims);
  for (const [name, value] of Object.entries(claims)) if (value === null) delete token.payload[name];
  if (header?.kid) token.header.kid = header.kid;
});
// A token without a signature, signed with what everyone knows, or with a header that its library would not write.
mock.service.on('beforeResponse', (answer, request) => {
  const { header } = forged.get(request.body.code);
  const signatures = {
    none: () => '',
    HS256: (text) => createHmac('sha256', 'secret').update(text).digest('base64url'),
    RS256: (text) => sign('RSA-SHA256', text, createPrivateKey({ key, format: 'jwk' })).toString('base64url'),
  };
  const key = mock.issuer.keys.get();
  const forgedHeader = header?.crit ? { alg: 'RS256', kid: key.kid, ...header } : { alg: header?.alg };
  if (!forgedHeader.alg) return;
  const text = `${Buffer.from(JSON.stringify(forgedHeader)).toString('base64url')}.${answer.body.id_token.split('.')[1]}`;
  answer.body.id_token = `${text}.${signatures[forgedHeader.alg](Buffer.from(text))}`;
});

// GitHub: the access token is the code, and the code says who someone is.
const github = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const answer = (json) => response.setHeader('content-type', 'application/json').end(JSON.stringify(json));
    const token = () => decode(request.headers.authorization.split(' ')[1]);
    if (request.url === '/login/oauth/access_token') return answer({ access_token: new URLSearchParams(body).get('code'), token_type: 'bearer' });
    if (request.url === '/api/v3/user') return answer(token().user);
    if (request.url === '/api/v3/user/emails') return answer(token().emails);
    response.writeHead(404).end();
  });
});
const githubUrl = await listen(github);

// A real one; whoever names themselves is believed.
const { default: Provider } = await load('oidc-provider');
const outer = createServer((request, response) => real.callback()(request, response));
const realUrl = await listen(outer);
const real = new Provider(realUrl, {
  clients: [{
    client_id: 'hardpan',
    client_secret: 'secret-of-the-client',
    redirect_uris: ['http://127.0.0.1:8080/auth/v1/oauth/real/callback'],
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@real.example`, email_verified: true, name: `Real ${id}` }) }),
  pkce: { required: () => true },
});

process.stdin.on('end', () => process.exit(0)).resume();
console.log(`READY ${JSON.stringify({ mock: mock.issuer.url, real: realUrl, github: githubUrl })}`);
