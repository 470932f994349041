//! Names that a secret stands behind.

/// Whatever stands behind them is a secret, however short and simple.
pub(crate) const STRONG: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "mysql_pwd",
    "secret",
    "secret_key",
    "secretkey",
    "secret-key",
    "secret_access_key",
    "secretaccesskey",
    "client_secret",
    "clientsecret",
    "client-secret",
    "private_key",
    "privatekey",
    "api_key",
    "apikey",
    "api-key",
    "access_token",
    "accesstoken",
    "access-token",
    "auth_token",
    "authtoken",
    "auth-token",
    "refresh_token",
    "refreshtoken",
    "private-token",
    "authorization",
];

/// Words with other uses: only what also looks random is a secret.
pub(crate) const WEAK: &[&str] = &[
    "token",
    "key",
    "pass",
    "pwd",
    "credential",
    "credentials",
    "cookie",
    "signature",
];

/// Values that say there is none, or that it is elsewhere.
pub(crate) const NO_SECRETS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "none",
    "null",
    "nil",
    "undefined",
    "required",
    "optional",
    "prompt",
    "string",
    "str",
    "bytes",
    "[masked]",
];

/// The header that names a scheme before its credential.
pub(crate) const HEADER: &str = "authorization";

/// Ways of HTTP to give a credential.
pub(crate) const SCHEMES: &[&str] = &["bearer", "basic", "token", "digest", "apikey"];
