// Opens pages in Chromium and says what it saw, as JSON. Asked on stdin:
// {"browser": path or null, "pages": [{"file", "width", "scheme", "policy": enforced or not, "axe": asked or not}]}
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const asked = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Without a browser of the system's, one from npm, with the libraries that a bare machine lacks.
async function bundled() {
  process.env.AWS_EXECUTION_ENV ??= "AWS_Lambda_nodejs22.x";
  const { default: packed } = await import("@sparticuz/chromium");
  return await packed.executablePath();
}

const browser = await chromium.launch({
  executablePath: asked.browser ?? (await bundled()),
  args: ["--no-sandbox", "--disable-gpu"],
});

async function look({ file, width, scheme, policy, axe: wanted }) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    bypassCSP: !policy,
  });
  const page = await context.newPage();
  const seen = { dialogs: [], console: [], requests: [], errors: [] };
  page.on("dialog", async (dialog) => {
    seen.dialogs.push(dialog.message());
    await dialog.dismiss();
  });
  page.on("console", (message) => seen.console.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => seen.requests.push(request.url()));
  const url = `file://${file}`;
  await page.goto(url);
  const title = await page.title();
  await page.evaluate(() => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    for (const link of document.querySelectorAll('a[href^="#"]')) link.click();
  });
  await page.waitForTimeout(100);
  const told = await page.evaluate(() => ({
    scripts: document.scripts.length,
    pwned: "pwned" in window,
    overflows: document.documentElement.scrollWidth > window.innerWidth,
    address: location.href.replace(location.hash, ""),
    handlers: [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some(({ name }) => name.startsWith("on"))).length,
    commands: [...document.querySelectorAll("pre code")].map((code) => code.textContent),
    width: document.querySelector("body").getBoundingClientRect().width,
    styled: getComputedStyle(document.body).maxWidth,
  }));
  const same = (await page.title()) === title && told.address === url;
  const hidden = await led(page);
  const violations = wanted ? await faults(page) : [];
  const printed = await sections(page);
  await context.close();
  return { ...seen, ...told, title, same, hidden, violations, printed };
}

// The page's own policy keeps scripts out of it; axe comes in through the debugger.
async function faults(page) {
  await page.evaluate(axe);
  const judged = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return judged.violations.map(
    ({ id, impact, nodes }) => `${id} (${impact}): ${nodes.slice(0, 3).map((n) => n.html)}`,
  );
}

// Links to closed parts open them.
async function led(page) {
  return page.evaluate(() => {
    const hidden = new Set();
    for (const { hash } of document.querySelectorAll('a[href^="#"]')) {
      for (const part of document.querySelectorAll("details")) part.open = false;
      location.hash = "";
      location.hash = hash;
      const target = document.querySelector(hash);
      if (!target.checkVisibility() || target.closest("details")?.open === false) hidden.add(hash);
    }
    for (const part of document.querySelectorAll("details")) part.open = true;
    return [...hidden];
  });
}

// Closed parts are printed too.
async function sections(page) {
  await page.emulateMedia({ media: "print" });
  return page.evaluate(() => {
    for (const part of document.querySelectorAll("details")) part.open = false;
    return [...document.querySelectorAll("details > :not(summary)")].every(
      (part) => part.checkVisibility(),
    );
  });
}

const told = [];
for (const one of asked.pages) told.push(await look(one));
await browser.close();
process.stdout.write(JSON.stringify(told));
