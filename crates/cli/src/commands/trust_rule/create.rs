//! `alpacon trust-rule create`.

use std::collections::BTreeMap;

use client::applications;
use client::trust_rules::{self, NewTrustRule};
use protocol::trust::{GITHUB, GITLAB};

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, json, message};

pub(super) const EXAMPLES: &str = "\
Examples:
  alpacon trust-rule create --name deploy --service-token ci/deploy --issuer github \\
      --condition repository=acme/app --condition ref=refs/heads/main
  alpacon trust-rule create --name infra --service-token ci/infra \\
      --issuer https://gitlab.example.com --condition 'project_path=infra/*'

In a pattern * stays within a part between / and :, and ** matches anything. Jobs then
log in with: alpacon login HOST --ci";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the rule.
    #[arg(short, long)]
    name: String,
    /// The service token whose scopes and access rules jobs get, as APPLICATION/TOKEN or
    /// its id.
    #[arg(short = 't', long)]
    service_token: String,
    /// Who signs the tokens of jobs: github, gitlab (gitlab.com), or an address, exactly
    /// as in the claim iss.
    #[arg(short, long)]
    issuer: String,
    /// What the claim aud must name; left out: the address of the workspace.
    #[arg(long, default_value = "", hide_default_value = true)]
    audience: String,
    /// What a claim must be. Repeat it: of one claim any, of several all must match.
    #[arg(
        short,
        long = "condition",
        value_name = "CLAIM=PATTERN",
        required = true
    )]
    conditions: Vec<String>,
    /// Lifetime of what a job gets, in seconds, up to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 900,
        value_parser = clap::value_parser!(i64).range(60..=3600))]
    ttl: i64,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    if args.name.trim().is_empty() {
        return Err(CliError::usage("--name is empty").into());
    }
    let conditions = conditions(&args.conditions)?;
    let mut session = context.connect().await?;
    let created = challenge::curing(&mut session, async |api| {
        let service_token = applications::token_id(api, &args.service_token).await?;
        let rule = NewTrustRule {
            name: args.name.trim(),
            service_token: &service_token,
            issuer: issuer(&args.issuer),
            audience: args.audience.trim(),
            conditions: conditions.clone(),
            ttl: args.ttl,
        };
        trust_rules::create(api, &rule).await
    })
    .await?;
    match context.format {
        Format::Json => json::print(&created),
        Format::Table => {
            message::success(&format!("trust rule {} created", args.name.trim()));
            message::info("jobs log in with: alpacon login HOST --ci");
        }
    }
    Ok(())
}

fn issuer(given: &str) -> &str {
    match given.trim() {
        "github" => GITHUB,
        "gitlab" => GITLAB,
        address => address,
    }
}

fn conditions(given: &[String]) -> Result<BTreeMap<String, Vec<String>>, CliError> {
    let mut conditions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in given {
        let Some((claim, pattern)) = text
            .split_once('=')
            .filter(|(claim, pattern)| !claim.trim().is_empty() && !pattern.is_empty())
        else {
            return Err(CliError::usage(format!(
                "--condition {text:?} is not CLAIM=PATTERN, for example repository=acme/app"
            )));
        };
        let patterns = conditions.entry(claim.trim().to_owned()).or_default();
        patterns.push(pattern.to_owned());
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_one_claim_are_collected() {
        let given = ["a=1", "b=x=y", "a=2"].map(str::to_owned);
        let read = conditions(&given).unwrap();
        assert_eq!(read["a"], ["1", "2"]);
        assert_eq!(read["b"], ["x=y"]);
        for wrong in ["a", "=x", "a=", ""] {
            assert!(conditions(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
        assert_eq!(issuer("github"), GITHUB);
        assert_eq!(issuer("https://x"), "https://x");
    }
}
