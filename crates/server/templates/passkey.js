// Asks the browser for a passkey when a form that wants one is sent, puts the answer into
// the form and sends it.
"use strict";

(() => {
  const decode = (text) => {
    const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
  };

  const encode = (buffer) => {
    const text = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  const decodeIds = (list) => (list || []).map((entry) => ({ ...entry, id: decode(entry.id) }));

  const create = async (options) => {
    const publicKey = {
      ...options,
      challenge: decode(options.challenge),
      user: { ...options.user, id: decode(options.user.id) },
      excludeCredentials: decodeIds(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    return {
      id: made.id,
      rawId: encode(made.rawId),
      type: made.type,
      response: {
        attestationObject: encode(made.response.attestationObject),
        clientDataJSON: encode(made.response.clientDataJSON),
      },
    };
  };

  const get = async (options) => {
    const publicKey = {
      ...options,
      challenge: decode(options.challenge),
      allowCredentials: decodeIds(options.allowCredentials),
    };
    const proved = await navigator.credentials.get({ publicKey });
    const handle = proved.response.userHandle;
    return {
      id: proved.id,
      rawId: encode(proved.rawId),
      type: proved.type,
      response: {
        authenticatorData: encode(proved.response.authenticatorData),
        clientDataJSON: encode(proved.response.clientDataJSON),
        signature: encode(proved.response.signature),
        userHandle: handle ? encode(handle) : null,
      },
    };
  };

  const reason = (error) => {
    if (error.name === "InvalidStateError") {
      return "This device has a passkey for this account already.";
    }
    if (error.name === "NotAllowedError") {
      return "No passkey was used: it was cancelled, took too long, or there is none here.";
    }
    return "This browser could not use a passkey (" + error.name + ").";
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    const alert = form.querySelector("[role=alert]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      alert.hidden = true;
      button.disabled = true;
      try {
        const options = JSON.parse(form.dataset.options).publicKey;
        const ask = form.dataset.passkey === "create" ? create : get;
        form.elements.answer.value = JSON.stringify(await ask(options));
        form.submit();
      } catch (error) {
        alert.textContent = reason(error);
        alert.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
