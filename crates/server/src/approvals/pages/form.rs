//! What the forms of a request send.

use protocol::work_session::SCOPES;
use serde::Deserialize;
use uuid::Uuid;

use super::super::effect::Adjustment;
use super::super::review::Word;
use crate::http::ApiError;

/// The form of a rejection.
#[derive(Debug, Deserialize)]
pub(super) struct Rejection {
    pub(super) reason: String,
}

/// The form of an approval: boxes for what stays, where the request can be narrowed.
pub(super) fn approval(fields: &[(String, String)]) -> Result<Word, ApiError> {
    let values = |wanted: &'static str| {
        fields
            .iter()
            .filter(move |(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    if values("narrowable").next().is_none() {
        return Ok(Word::Approve(Adjustment::default()));
    }
    let refuse = || ApiError::invalid("approval", "The form names something unknown.");
    let scopes: Vec<String> = values("scope").map(str::to_owned).collect();
    if scopes.iter().any(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err(refuse());
    }
    let servers: Result<Vec<Uuid>, _> = values("server").map(str::parse).collect();
    Ok(Word::Approve(Adjustment {
        scopes: Some(scopes),
        servers: Some(servers.map_err(|_| refuse())?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_not_ticked_goes() {
        let id = Uuid::nil().to_string();
        let sent = fields(&[("narrowable", "1"), ("scope", "command"), ("server", &id)]);
        let Ok(Word::Approve(adjustment)) = approval(&sent) else {
            panic!("not an approval");
        };
        assert_eq!(adjustment.scopes.unwrap(), ["command"]);
        assert_eq!(adjustment.servers.unwrap(), [Uuid::nil()]);
        let none = approval(&fields(&[("narrowable", "1")]));
        assert!(matches!(none, Ok(Word::Approve(all)) if all.scopes == Some(vec![])));
    }

    #[test]
    fn other_requests_have_nothing_to_tick() {
        let sent = fields(&[("scope", "command")]);
        let Ok(Word::Approve(adjustment)) = approval(&sent) else {
            panic!("not an approval");
        };
        assert!(adjustment.is_empty());
        assert!(approval(&fields(&[("narrowable", ""), ("scope", "admin")])).is_err());
        assert!(approval(&fields(&[("narrowable", ""), ("server", "x")])).is_err());
    }
}
