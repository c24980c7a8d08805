// A mail server that keeps nothing: tells on standard output, a line of JSON each, that it listens and what it receives.
// node sink.js '{"port": 0, "key": "...", "cert": "...", "refuse": {"nobody@example.com": 550}}'
const { SMTPServer } = require('smtp-server');

const options = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');

const refused = (code, text) => Object.assign(new Error(text), { responseCode: code });

const server = new SMTPServer({
  key: options.key,
  cert: options.cert,
  secure: !!options.secure,
  hideSTARTTLS: !options.cert,
  authOptional: !options.user,
  disableReverseLookup: true,
  onAuth(auth, session, callback) {
    const isRight = auth.username === options.user && auth.password === options.password;
    callback(isRight ? null : refused(535, 'no'), isRight ? { user: auth.username } : undefined);
  },
  onRcptTo(address, session, callback) {
    const code = (options.refuse || {})[address.address];
    callback(code ? refused(code, address.address + ' refused') : null);
  },
  onData(stream, session, callback) {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => {
      tell({
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map((to) => to.address),
        is_secure: session.secure,
        user: session.user || null,
        raw: Buffer.concat(parts).toString('utf8'),
      });
      callback();
    });
  },
});

server.on('error', (error) => tell({ error: String(error) }));
server.listen(options.port, '127.0.0.1', () => tell({ port: server.server.address().port }));
// It goes when the test goes.
process.stdin.on('end', () => process.exit(0)).resume();
