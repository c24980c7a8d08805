const form = document.getElementById('form');
const status = document.getElementById('status');
const token = new URLSearchParams(location.hash.slice(1)).get('token');
history.replaceState(null, '', location.pathname);
if (token) {
  form.hidden = false;
  form.querySelector('input, button').focus();
} else {
  status.textContent = 'This link is not complete. Open it as it stands in the mail.';
}
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  status.textContent = '';
  const body = { token, ...Object.fromEntries(new FormData(form)) };
  try {
    const answer = await fetch(form.dataset.action, {
      method: 'POST',
      credentials: 'omit',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      form.hidden = true;
      status.textContent = form.dataset.done;
      return;
    }
    const problem = await answer.json().catch(() => ({}));
    const field = problem.errors && problem.errors[0];
    if (problem.code === 'invalid_token') status.textContent = 'This link was used before, or is no longer valid. Ask for another.';
    else if (field) status.textContent = field.field + ' ' + field.message + '.';
    else status.textContent = problem.detail || 'Something went wrong. Try again.';
  } catch {
    status.textContent = 'The server cannot be reached. Try again.';
  }
  button.disabled = false;
});
