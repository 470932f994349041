//! The way to the mail server.

use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::Message;
use crate::config::{MailConfig, MailSecurity};

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// Trying again will not help.
    #[error("{0}")]
    Refused(String),
    /// Trying again may help.
    #[error("{0}")]
    Deferred(String),
}

/// How much longer than its deadline a node may take to note what became of a mail.
const GRACE: Duration = Duration::from_secs(30);

/// A mail server.
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// For one mail, all steps together.
    deadline: Duration,
}

impl Smtp {
    /// The mail server of a configuration, if it names one.
    pub(crate) fn of(config: &MailConfig) -> anyhow::Result<Option<Self>> {
        let (Some(host), Some(from)) = (&config.host, &config.from) else {
            return Ok(None);
        };
        let from: Mailbox = from
            .parse()
            .context("mail.from: not a mail address such as Alpacon <alpacon@example.com>")?;
        let timeout = Duration::from_secs(config.timeout_seconds);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(config.port)
            .timeout(Some(timeout))
            .tls(tls(config, host)?);
        if let Some(domain) = from.email.domain().split('@').next() {
            builder = builder.hello_name(ClientId::Domain(domain.to_owned()));
        }
        if let (Some(username), Some(password)) = (&config.username, password(config)?) {
            builder = builder.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Some(Self {
            transport: builder.build(),
            from,
            deadline: timeout.saturating_mul(3),
        }))
    }

    /// How long one node may hold a mail for an attempt.
    pub(super) fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(self.deadline + GRACE).unwrap_or(TimeDelta::hours(1))
    }

    /// Hands a mail over; when this returns it is the mail server's.
    pub(super) async fn send(&self, recipient: &str, message: &Message) -> Result<(), SendError> {
        let refused = |error: &dyn std::fmt::Display| SendError::Refused(error.to_string());
        let recipient: Mailbox = recipient.parse().map_err(|error| refused(&error))?;
        let mail = lettre::Message::builder()
            .from(self.from.clone())
            .to(recipient)
            .subject(message.subject.clone())
            .message_id(None)
            .multipart(MultiPart::alternative_plain_html(
                message.text(),
                message.html(),
            ))
            .map_err(|error| refused(&error))?;
        match tokio::time::timeout(self.deadline, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(SendError::Refused(error.to_string())),
            Ok(Err(error)) => Err(SendError::Deferred(describe(&error))),
            Err(_) => Err(SendError::Deferred(
                "the mail server takes too long".to_owned(),
            )),
        }
    }
}

/// An error with its causes: the first one alone only says `Connection error`.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

fn tls(config: &MailConfig, host: &str) -> anyhow::Result<Tls> {
    if config.security == MailSecurity::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path)
            .with_context(|| format!("mail.ca_file: cannot read {}", path.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .with_context(|| format!("mail.ca_file: {} holds no certificate", path.display()))?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    let parameters = parameters
        .build_rustls()
        .context("mail: cannot set up TLS")?;
    Ok(match config.security {
        MailSecurity::Tls => Tls::Wrapper(parameters),
        _ => Tls::Required(parameters),
    })
}

fn password(config: &MailConfig) -> anyhow::Result<Option<String>> {
    let Some(path) = &config.password_file else {
        return Ok(config.password.clone());
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("mail.password_file: cannot read {}", path.display()))?;
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}
