/** Asks the server as the user who looks at the page. With AUTH=token the page asks for the token and keeps it for this tab. */

export const at = (id) => document.getElementById(id);
export const say = (text) => (at("message").textContent = text);

let token = sessionStorage.getItem("token");

export async function ask(path, { signal, headers, method } = {}) {
  const response = await fetch(path, {
    method: method ?? "GET",
    headers: { ...headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    signal: signal ?? null,
  });
  at("sign-in").hidden = response.status !== 401;
  if (response.ok) return response;
  const { message } = await response
    .json()
    .catch(() => ({ message: `The server answered ${response.status}.` }));
  throw new Error(message);
}

export const answer = async (path, options) => (await ask(path, options)).json();

/** Calls `begin` again as somebody who has signed in. */
export function onSignIn(begin) {
  at("sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    token = at("token").value.trim();
    sessionStorage.setItem("token", token);
    at("token").value = "";
    void begin();
  });
}

export const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** What the address names behind its #. */
export const chosen = () => decodeURIComponent(location.hash.slice(1));
