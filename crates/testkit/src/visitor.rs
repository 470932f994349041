//! Somebody who visits pages without a browser: for what a browser would not send.

use std::collections::BTreeMap;
use std::sync::Mutex;

use http::Method;

use crate::{Answer, Api, OrFail};

/// A visitor with cookies.
#[derive(Debug)]
pub struct Visitor {
    api: Api,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A page as it was answered.
#[derive(Clone, Debug)]
pub struct Page {
    /// The answer.
    pub answer: Answer,
}

impl Visitor {
    pub(crate) fn new(api: Api) -> Self {
        Self {
            api,
            cookies: Mutex::default(),
        }
    }

    /// Reads a page; redirects are not followed.
    #[track_caller]
    pub fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, None, &[])
    }

    /// Sends a form as the page of this very site would.
    #[track_caller]
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let origin = self.api.url().to_owned();
        self.post_with(path, fields, &[("origin", &origin)])
    }

    /// Sends a form with headers of one's choice.
    #[track_caller]
    pub fn post_with(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send(Method::POST, path, Some(body.into_bytes()), &all)
    }

    /// Signs in with a password; the answer is the redirect or the refusal.
    #[track_caller]
    pub fn sign_in(&self, username: &str, password: &str, next: &str) -> Page {
        let csrf = self.get("/login/").field("csrf");
        let fields = [
            ("csrf", csrf.as_str()),
            ("username", username),
            ("password", password),
            ("next", next),
        ];
        self.post("/login/", &fields)
    }

    /// A cookie; empty when there is none.
    #[must_use]
    pub fn cookie(&self, name: &str) -> String {
        self.lock().get(name).cloned().unwrap_or_default()
    }

    /// Puts a cookie in, as an attacker might.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.lock().insert(name.to_owned(), value.to_owned());
    }

    /// A copy with the same cookies: another tab of the same browser, or a thief.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self {
            api: self.api.clone(),
            cookies: Mutex::new(self.lock().clone()),
        }
    }

    #[track_caller]
    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Page {
        let cookies = self
            .lock()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let answer = self.api.send(method, path, body, &all);
        self.keep(&answer);
        Page { answer }
    }

    fn keep(&self, answer: &Answer) {
        for value in answer.headers.get_all(http::header::SET_COOKIE) {
            let text = value.to_str().or_fail("read a cookie");
            let pair = text.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').or_fail("read a cookie");
            if text.contains("Max-Age=0") {
                self.lock().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Page {
    /// Status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// Fails the test unless the status is `expected`.
    #[track_caller]
    pub fn expect(self, expected: u16) -> Self {
        Self {
            answer: self.answer.expect(expected),
        }
    }

    /// Where a redirect leads; empty without one.
    #[must_use]
    pub fn location(&self) -> String {
        self.answer.header("location")
    }

    /// HTML of the page.
    #[must_use]
    pub fn html(&self) -> String {
        self.answer.text()
    }

    /// Value of the first input named `name` that has one.
    #[track_caller]
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let html = self.html();
        let marker = format!("name=\"{name}\"");
        let value = html
            .split("<input")
            .filter(|input| input.contains(&marker))
            .find_map(|input| {
                let (_, rest) = input.split_once("value=\"")?;
                rest.split('"').next()
            });
        match value {
            Some(value) => unescape(value),
            None => panic!("no input {name} in {html}"),
        }
    }
}

impl Page {
    /// Value of the first attribute `name`; empty when there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> String {
        let html = self.html();
        let value = html
            .split_once(&format!(" {name}=\""))
            .and_then(|(_, rest)| rest.split('"').next());
        unescape(value.unwrap_or_default())
    }

    /// Text between the first `start` and the `end` after it; empty when there is none.
    #[must_use]
    pub fn between(&self, start: &str, end: &str) -> String {
        let html = self.html();
        let text = html
            .split_once(start)
            .and_then(|(_, rest)| rest.split(end).next());
        unescape(text.unwrap_or_default())
    }
}

/// What our templates escape.
fn unescape(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}
