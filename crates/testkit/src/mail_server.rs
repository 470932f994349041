//! A real mail server: Debian's aiosmtpd, with STARTTLS under a CA of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::{OrFail, eventually};

const SCRIPT: &str = include_str!("smtpd.py");

/// A mail server. Dropping it stops it.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl MailServer {
    /// Starts one on a free port. Needs `python3-aiosmtpd`.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("alpacon-mail-")
            .tempdir()
            .or_fail("make a folder");
        let path = folder.path();
        let script = path.join("smtpd.py");
        fs::write(&script, SCRIPT).or_fail("write the mail server");
        certificate(path);
        let log = fs::File::create(path.join("smtpd.log")).or_fail("open a log");
        // Where Debian keeps its modules; another python3 may come first on PATH.
        let mut child = Command::new("/usr/bin/python3")
            .arg(&script)
            .args([path, &path.join("mail.pem"), &path.join("mail.key")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .or_fail("run /usr/bin/python3");
        let port = eventually("the mail server listens", || {
            if let Ok(Some(status)) = child.try_wait() {
                let log = fs::read_to_string(path.join("smtpd.log")).unwrap_or_default();
                panic!(
                    "the mail server ended ({status}); is it installed? \
                     apt-get install python3-aiosmtpd\n{log}"
                );
            }
            fs::read_to_string(path.join("port")).ok()?.parse().ok()
        });
        Self {
            child,
            port,
            folder,
        }
    }

    /// What a control plane is told to send mail here.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let ca = self.folder.path().join("ca.pem");
        [
            ("HOST", "localhost".to_owned()),
            ("PORT", self.port.to_string()),
            ("FROM", "Alpacon <alpacon@example.com>".to_owned()),
            ("USERNAME", "alpacon".to_owned()),
            ("PASSWORD", "mail secret".to_owned()),
            ("CA_FILE", ca.display().to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (format!("ALPACON_MAIL__{key}"), value))
        .collect()
    }

    /// The mails that arrived, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .collect();
        paths.sort();
        paths
            .into_iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .map(|text| Mail::read(&text))
            .collect()
    }

    /// Waits for mail number `index` (from 0) and gives it.
    #[track_caller]
    #[must_use]
    pub fn wait(&self, index: usize) -> Mail {
        eventually("the mail has arrived", || {
            self.mails().into_iter().nth(index)
        })
    }

    /// Answers `Some` to each mail from now on instead of taking it, or takes them again.
    #[track_caller]
    pub fn answer(&self, answer: Option<&str>) {
        let path = self.folder.path().join("answer");
        match answer {
            Some(text) => fs::write(path, text).or_fail("set the answer"),
            None => fs::remove_file(path).or_fail("unset the answer"),
        }
    }

    /// How often a mail was answered so.
    #[must_use]
    pub fn refused(&self) -> usize {
        fs::read_to_string(self.folder.path().join("refused"))
            .map_or(0, |text| text.lines().count())
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A mail as it arrived.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Who it is for.
    pub to: String,
    /// Headers and bodies, decoded.
    pub text: String,
}

impl Mail {
    fn read(raw: &str) -> Self {
        let to = raw.lines().find_map(|line| line.strip_prefix("X-To: "));
        Self {
            to: to.unwrap_or_default().trim().to_owned(),
            text: decode_quoted_printable(raw),
        }
    }

    /// The token in its link.
    #[track_caller]
    #[must_use]
    pub fn token(&self) -> String {
        let (_, after) = self
            .text
            .split_once("?token=")
            .or_fail("find a link in the mail");
        let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        after.chars().take_while(is_part).collect()
    }
}

fn decode_quoted_printable(raw: &str) -> String {
    let joined = raw.replace("=\r\n", "").replace("=\n", "");
    let mut text = String::new();
    let mut rest = joined.as_str();
    while let Some((before, after)) = rest.split_once('=') {
        text.push_str(before);
        let byte = after.get(..2).map(|hex| u8::from_str_radix(hex, 16));
        match byte {
            Some(Ok(byte)) if byte.is_ascii() => {
                text.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                text.push('=');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

fn certificate(folder: &Path) {
    let ca_key = KeyPair::generate().or_fail("make a key");
    let mut ca = CertificateParams::new(Vec::new()).or_fail("make a CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_pem = ca.self_signed(&ca_key).or_fail("make a CA").pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().or_fail("make a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]);
    let certificate = params
        .or_fail("make a certificate")
        .signed_by(&key, &issuer)
        .or_fail("make a certificate");
    for (name, text) in [
        ("ca.pem", ca_pem),
        ("mail.pem", certificate.pem()),
        ("mail.key", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).or_fail("write a certificate");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_decoded() {
        let mail = Mail::read("X-To: a@b.c\r\n\r\nhttps://x/?token=3Dab=\r\nc-_d\r\n100% = 1");
        assert_eq!(mail.to, "a@b.c");
        assert_eq!(mail.token(), "abc-_d");
        assert!(mail.text.ends_with("100% = 1"));
    }
}
