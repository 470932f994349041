//! `alpacon login --ci`: the token of a CI job.

use client::ci::TokenRequest;
use client::{Api, Config, ci};

use crate::error::{CliError, Failure};

/// How the job was told where its token is.
enum Source {
    /// The provider put it into the environment, as GitLab does.
    Given(String),
    /// GitHub signs one on request.
    GitHub(TokenRequest),
}

/// In which the token is looked for first.
const VARIABLE: &str = "ALPACON_ID_TOKEN";
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_BEARER: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

impl Source {
    fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Self, CliError> {
        let value = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        if let Some(token) = value(VARIABLE) {
            return Ok(Self::Given(token.trim().to_owned()));
        }
        if let (Some(url), Some(bearer)) = (value(GITHUB_URL), value(GITHUB_BEARER)) {
            return Ok(Self::GitHub(TokenRequest { url, bearer }));
        }
        let hint = if value("GITHUB_ACTIONS").is_some() {
            "give the job `permissions: id-token: write`"
        } else if value("GITLAB_CI").is_some() {
            "give the job `id_tokens: ALPACON_ID_TOKEN: aud: <address of the workspace>`"
        } else {
            "set ALPACON_ID_TOKEN to the OpenID Connect token of the job, or run in GitHub \
             Actions or GitLab CI"
        };
        Err(CliError::refusal(format!(
            "this job has no token of its CI provider: {hint}"
        )))
    }
}

/// Exchanges the job's token for a service token and puts that into `config`.
pub(super) async fn log_in(
    api: &Api,
    config: &mut Config,
    rule: Option<&str>,
    audience: Option<&str>,
) -> Result<(), Failure> {
    let source = Source::find(|name| std::env::var(name).ok())?;
    let token = match source {
        Source::Given(token) => token,
        Source::GitHub(request) => {
            let audience = audience.unwrap_or(&config.workspace_url);
            ci::github_token(api, &request, audience).await?
        }
    };
    config.token = ci::exchange(api, &token, rule)
        .await
        .map_err(|error| CliError::from(error).while_doing("the token of this job was refused"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Source, CliError> {
        Source::find(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_variable_comes_before_github() {
        let github = [(GITHUB_URL, "https://x"), (GITHUB_BEARER, "b")];
        assert!(matches!(find(&github), Ok(Source::GitHub(_))));
        let both = [github[0], github[1], (VARIABLE, " t ")];
        assert!(matches!(find(&both), Ok(Source::Given(token)) if token == "t"));
    }

    #[test]
    fn what_is_missing_is_said_for_each_provider() {
        for (variables, wanted) in [
            (vec![], "ALPACON_ID_TOKEN"),
            (vec![("GITHUB_ACTIONS", "true")], "id-token: write"),
            (
                vec![("GITHUB_ACTIONS", "true"), (GITHUB_URL, "https://x")],
                "id-token: write",
            ),
            (vec![("GITLAB_CI", "true"), (VARIABLE, " ")], "id_tokens"),
        ] {
            let Err(error) = find(&variables) else {
                panic!("{variables:?} gave a token");
            };
            assert!(error.message.contains(wanted), "{}", error.message);
        }
    }
}
