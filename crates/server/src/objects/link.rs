//! Signed addresses of stored content: whoever holds one may do one thing with one
//! object until a point in time, and nothing else.

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeZone as _, Utc};
use http::Method;
use protocol::id::{TransferId, WorkspaceId};
use serde::Deserialize;

/// Precedes what is signed, so that a signature made here can mean nothing elsewhere.
const CONTEXT: &str = "alpacon object v1";

/// What a link allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// `GET` the content.
    Read,
    /// `PUT` the content; `HEAD` how much has arrived.
    Write,
}

impl Access {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write]
            .into_iter()
            .find(|access| access.as_str() == text)
    }

    /// Whether it covers a request.
    pub(crate) fn covers(self, method: &Method) -> bool {
        match self {
            Self::Read => method == Method::GET,
            Self::Write => method == Method::PUT || method == Method::HEAD,
        }
    }
}

/// The query of a link.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Signed {
    access: String,
    expires: i64,
    signature: String,
}

/// Signs and checks links.
pub(crate) struct LinkKey(hmac::Key);

impl LinkKey {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// An absolute link.
    pub(crate) fn sign(
        &self,
        base: &str,
        workspace: WorkspaceId,
        object: TransferId,
        access: Access,
        expires: DateTime<Utc>,
    ) -> String {
        let expires = expires.timestamp();
        let tag = hmac::sign(&self.0, &input(workspace, object, access, expires));
        let signature = chain::hex_encode(tag.as_ref());
        let access = access.as_str();
        format!(
            "{base}/api/webftp/objects/{object}/?access={access}&expires={expires}&signature={signature}"
        )
    }

    /// What a link allows now; nothing, if it is not ours or over.
    pub(crate) fn verify(
        &self,
        workspace: WorkspaceId,
        object: TransferId,
        signed: &Signed,
        now: DateTime<Utc>,
    ) -> Option<Access> {
        let access = Access::parse(&signed.access)?;
        let mut signature = [0; 32];
        chain::hex_decode(&signed.signature, &mut signature)?;
        let input = input(workspace, object, access, signed.expires);
        // In constant time.
        hmac::verify(&self.0, &input, &signature).ok()?;
        let expires = Utc.timestamp_opt(signed.expires, 0).single()?;
        (now < expires).then_some(access)
    }
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

fn input(workspace: WorkspaceId, object: TransferId, access: Access, expires: i64) -> Vec<u8> {
    let access = access.as_str();
    format!("{CONTEXT}\n{workspace}\n{object}\n{access}\n{expires}").into_bytes()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn signed(link: &str) -> Signed {
        let query = link.split_once('?').unwrap().1;
        let mut signed = Signed::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap();
            match key {
                "access" => value.clone_into(&mut signed.access),
                "expires" => signed.expires = value.parse().unwrap(),
                "signature" => value.clone_into(&mut signed.signature),
                other => panic!("{other}"),
            }
        }
        signed
    }

    #[test]
    fn a_link_is_for_one_object_one_way_and_some_time() {
        let key = LinkKey::new(&[7; 32]);
        let (workspace, object) = (WorkspaceId::new(), TransferId::new());
        let now = Utc::now();
        let end = now + TimeDelta::seconds(60);
        let link = key.sign("https://h", workspace, object, Access::Write, end);
        let good = signed(&link);
        let check = |object, signed: &Signed, time| key.verify(workspace, object, signed, time);
        assert_eq!(check(object, &good, now), Some(Access::Write));
        assert_eq!(check(TransferId::new(), &good, now), None);
        assert_eq!(check(object, &good, end + TimeDelta::seconds(1)), None);
        assert_eq!(key.verify(WorkspaceId::new(), object, &good, now), None);
        let read = Signed {
            access: "read".to_owned(),
            ..good.clone()
        };
        assert_eq!(check(object, &read, now), None);
        let longer = Signed {
            expires: good.expires + 1,
            ..good.clone()
        };
        assert_eq!(check(object, &longer, now), None);
        for signature in ["", "zz", &"é".repeat(32), &"0".repeat(64)] {
            let forged = Signed {
                signature: signature.to_owned(),
                ..good.clone()
            };
            assert_eq!(check(object, &forged, now), None, "{signature}");
        }
        assert_eq!(
            LinkKey::new(&[8; 32]).verify(workspace, object, &good, now),
            None
        );
        assert!(!format!("{key:?}").contains('7'));
    }

    #[test]
    fn writing_links_do_not_read_and_the_reverse() {
        assert!(Access::Write.covers(&Method::PUT) && Access::Write.covers(&Method::HEAD));
        assert!(!Access::Write.covers(&Method::GET) && !Access::Write.covers(&Method::POST));
        assert!(Access::Read.covers(&Method::GET) && !Access::Read.covers(&Method::PUT));
        assert!(!Access::Read.covers(&Method::HEAD) && !Access::Read.covers(&Method::DELETE));
    }
}
