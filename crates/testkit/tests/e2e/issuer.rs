//! An issuer of OpenID Connect tokens that signs what a test says: for what GitHub,
//! GitLab or a lying identity provider would. Discovery, signing keys, a token endpoint,
//! and GitHub's address at which a job asks for its token.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::System;
use uuid::Uuid;

/// What a job shows GitHub to get its token.
pub(crate) const JOB_SECRET: &str = "job-secret";

/// A signing key.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    pub(crate) id: String,
}

impl Key {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            id: id.to_owned(),
        }
    }

    pub(crate) fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn jwk(&self) -> Value {
        let point = self.public_bytes();
        let half = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
            "x": half(1..33), "y": half(33..65),
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let pkcs8 = self.pair.to_pkcs8v1().unwrap();
        encode(&header, claims, &EncodingKey::from_ec_der(pkcs8.as_ref())).unwrap()
    }
}

struct State {
    url: String,
    keys: Mutex<Vec<Key>>,
    /// Answers instead of the discovery document.
    instead: Mutex<Option<String>>,
    /// What its token endpoint answers.
    token: Mutex<Value>,
    requests: AtomicUsize,
}

/// A system that may fetch from this machine: the issuers of the tests are here.
pub(crate) fn system() -> System {
    System::with(&testkit::Options {
        environment: vec![(
            "ALPACON_OIDC__PRIVATE_HOSTS".to_owned(),
            r#"["127.0.0.1"]"#.to_owned(),
        )],
        ..testkit::Options::default()
    })
}

/// A running issuer. It serves until the test ends.
pub(crate) struct Issuer(Arc<State>);

impl Issuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State {
            url: format!("http://{}", listener.local_addr().unwrap()),
            keys: Mutex::new(vec![Key::new("one")]),
            instead: Mutex::default(),
            token: Mutex::default(),
            requests: AtomicUsize::new(0),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = shared.clone();
                // A client may go away at any time.
                std::thread::spawn(move || stream.and_then(|stream| state.answer(stream)));
            }
        });
        Self(state)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Answers the next requests for the discovery document with these bytes.
    pub(crate) fn answer_instead(&self, raw: Option<&str>) {
        *self.0.instead.lock().unwrap() = raw.map(str::to_owned);
    }

    /// What the token endpoint answers from now on.
    pub(crate) fn answer_token(&self, answer: &Value) {
        *self.0.token.lock().unwrap() = answer.clone();
    }

    /// Signs with another key from now on, and forgets the old one.
    pub(crate) fn rotate(&self) {
        *self.0.keys.lock().unwrap() = vec![Key::new("two")];
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.0.keys.lock().unwrap()[0].sign(claims)
    }

    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        self.0.keys.lock().unwrap()[0].public_bytes().to_vec()
    }

    /// The claims of a job of `acme/app` on its main branch, as GitHub words them.
    pub(crate) fn claims(&self, audience: &str) -> Value {
        self.0.claims(audience)
    }

    pub(crate) fn token(&self, audience: &str) -> String {
        self.sign(&self.claims(audience))
    }
}

impl State {
    fn claims(&self, audience: &str) -> Value {
        let time = chrono::Utc::now().timestamp();
        json!({
            "iss": self.url, "aud": audience, "sub": "repo:acme/app:ref:refs/heads/main",
            "repository": "acme/app", "repository_owner": "acme", "repository_id": "42",
            "ref": "refs/heads/main", "run_id": "7", "jti": Uuid::now_v7().to_string(),
            "iat": time, "nbf": time - 5, "exp": time + 300,
        })
    }

    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let (mut bearer, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "authorization" => value.trim().clone_into(&mut bearer),
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        self.requests.fetch_add(1, Ordering::SeqCst);
        let target = first.split(' ').nth(1).unwrap_or_default();
        let raw = self.respond(target, &bearer);
        reader.get_mut().write_all(raw.as_bytes())
    }

    fn respond(&self, target: &str, bearer: &str) -> String {
        let json = |value: Value| {
            let body = value.to_string();
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let none = |status: &str| {
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            "/.well-known/openid-configuration" => {
                if let Some(raw) = self.instead.lock().unwrap().clone() {
                    return raw;
                }
                json(json!({
                    "issuer": self.url, "jwks_uri": format!("{}/jwks", self.url),
                    "authorization_endpoint": format!("{}/auth", self.url),
                    "token_endpoint": format!("{}/token", self.url),
                }))
            }
            "/jwks" => {
                let keys = self.keys.lock().unwrap();
                let keys: Vec<Value> = keys.iter().map(Key::jwk).collect();
                // One of a kind that nobody knows must not spoil the others.
                json(json!({"keys": [json!({"kty": "future", "kid": "x"}), keys[0]]}))
            }
            "/token" => json(self.token.lock().unwrap().clone()),
            "/job-token" if bearer == format!("Bearer {JOB_SECRET}") => {
                let audience = form_urlencoded::parse(query.as_bytes())
                    .find(|(name, _)| name == "audience")
                    .map(|(_, value)| value.into_owned())
                    .unwrap_or_default();
                let token = self.keys.lock().unwrap()[0].sign(&self.claims(&audience));
                json(json!({"count": token.len(), "value": token}))
            }
            "/job-token" => none("401 Unauthorized"),
            _ => none("404 Not Found"),
        }
    }
}
