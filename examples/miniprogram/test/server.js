const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const repository = path.join(__dirname, '../../..');

/**
 * 编译并以演示模式启动 examples/server，由它模拟微信和 Authing。
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
async function startServer() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'miniprogram-'));
  const program = path.join(dir, 'server');
  execFileSync('go', ['build', '-o', program, './examples/server'], { cwd: repository, stdio: 'inherit' });

  // 去掉真实用户池或应用的环境变量，否则不会进入演示模式。
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AUTHING_')));
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
    throw new Error(`服务启动失败，第一行输出是 ${JSON.stringify(first)}\n${errors}`);
  }
  return { url: opened[1], stop };
}

module.exports = { startServer };
