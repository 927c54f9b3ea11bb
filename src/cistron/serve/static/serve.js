// Every page works without this: it checks what is typed, follows a job, and draws PNG files.
const form = document.querySelector("form[data-model]");
const text = document.getElementById("text");
const said = document.getElementById("said");

function say(sentence, kind) {
  said.textContent = sentence;
  said.className = `said ${kind}`;
}

async function check() {
  if (!text.value.trim()) return say("", "");
  const query = new URLSearchParams({
    model: form.dataset.model, id_column: form.id_column.value,
    sequence_column: form.sequence_column.value,
  });
  const sent = text.value;
  const answer = await fetch(`/v1/check?${query}`, {method: "POST", body: sent.trim()}).catch(() => null);
  if (!answer || sent !== text.value) return;
  const found = await answer.json();
  if (found.error) return say(found.error, answer.status === 400 ? "bad" : "");
  const odd = found.odd.map(each => `${each.record ? `Record ${each.record} ` : ""}${each.id}: ${each.reason}`);
  if (found.more) odd.push(`and ${found.more} more`);
  const count = `${found.usable} of ${found.records} records can be predicted, ${found.letters} letters.`;
  say([count, ...odd].join("\n"), odd.length ? "odd" : "");
}

if (form && text) {
  let timer = 0;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, 600);
  });
  if (text.value) check();
}

const progress = document.getElementById("progress");

async function follow() {
  const answer = await fetch(`/v1/jobs/${progress.dataset.job}`).catch(() => null);
  const job = answer && await answer.json();
  if (job && !["queued", "running"].includes(job.state)) return location.reload();
  if (job && job.state) {
    const bar = progress.querySelector("progress");
    const done = job.total ? `${job.done} of ${job.total}` : `${job.done}`;
    const sentence = job.state === "queued" ? `In the queue, at place ${job.position}.` : `${done} records are predicted.`;
    const line = progress.querySelector("p");
    if (line.textContent !== sentence) line.textContent = sentence;
    if (job.total && job.state === "running") { bar.max = job.total; bar.value = job.done; }
  }
  setTimeout(follow, 1000);
}

if (progress) setTimeout(follow, 500);

function png(button) {
  const drawing = button.closest("figure").querySelector("svg");
  const [, , width, height] = drawing.getAttribute("viewBox").split(/[ ,]+/).map(Number);
  const copy = drawing.cloneNode(true);
  copy.setAttribute("width", 2 * width);
  copy.setAttribute("height", 2 * height);
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    const link = document.createElement("a");
    link.href = canvas.toDataURL("image/png");
    link.download = `${button.dataset.name}.png`;
    link.click();
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

for (const button of document.querySelectorAll("button.png")) {
  button.hidden = false;
  button.addEventListener("click", () => png(button));
}
