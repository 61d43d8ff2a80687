const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const repository = path.join(__dirname, '../../..');

/**
 * 编译并启动 examples/server 的演示模式：它在自己的进程里扮演微信和 Authing。
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
async function startServer() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'miniprogram-'));
  const program = path.join(dir, 'server');
  execFileSync('go', ['build', '-o', program, './examples/server'], { cwd: repository, stdio: 'inherit' });

  // 环境里若有真实的用户池，就不是演示模式了。
  const { AUTHING_USERPOOL_ID, AUTHING_USERS_HOST, AUTHING_OAUTH_HOST, ...env } = process.env;
  const child = spawn(program, ['-addr', '127.0.0.1:0'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));

  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    fs.rmSync(dir, { recursive: true });
  };
  const first = await new Promise((resolve) => {
    const lines = readline.createInterface({ input: child.stdout });
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  const opened = /^open (http:\/\/127\.0\.0\.1:\d+)$/.exec(first);
  if (!opened) {
    await stop();
    throw new Error(`服务没有启动，第一行是 ${JSON.stringify(first)}\n${errors}`);
  }
  return { url: opened[1], stop };
}

module.exports = { startServer };
