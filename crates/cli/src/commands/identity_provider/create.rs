//! `alpacon identity-provider create`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use client::identity_providers;
use protocol::federation::CreateIdentityProvider;
use serde_json::Value;

use super::secret;
use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, json, message};
use crate::prompt;

pub(super) const EXAMPLES: &str = "\
Examples:
  alpacon identity-provider create --slug corp --issuer https://login.example.com \\
      --client-id alpacon --client-secret-file secret --email-domains example.com \\
      --link-by-email
  alpacon identity-provider create --slug corp --issuer https://login.example.com \\
      --client-id alpacon --public-client --email-domains example.com --provision \\
      --group-claim groups --group 'sre=operators'

Without --link-by-email and --provision people sign in only after: identity-provider link.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Short name in addresses: lower-case letters, digits and -.
    #[arg(short, long)]
    slug: String,
    /// Name on the button; left out: the slug.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    name: String,
    /// Address of the provider, exactly as in the claim iss.
    #[arg(short, long)]
    issuer: String,
    /// Our name there.
    #[arg(short, long)]
    client_id: String,
    /// File with the client secret, one line; left out: asked for.
    #[arg(long, value_name = "FILE", conflicts_with = "public_client")]
    client_secret_file: Option<PathBuf>,
    /// The provider gave no client secret.
    #[arg(long)]
    public_client: bool,
    /// Scopes to ask for besides openid, separated by commas.
    #[arg(long, default_value = "email,profile")]
    scopes: String,
    /// Mail domains whose verified addresses link and provision, separated by commas.
    #[arg(long, default_value = "", hide_default_value = true)]
    email_domains: String,
    /// Link people to the user with the same verified address. Never staff and superusers.
    #[arg(long)]
    link_by_email: bool,
    /// Make an account for people who have none.
    #[arg(long)]
    provision: bool,
    /// Groups that new accounts join, separated by commas.
    #[arg(long, default_value = "", hide_default_value = true)]
    default_groups: String,
    /// Claim that lists groups.
    #[arg(long, default_value = "", hide_default_value = true)]
    group_claim: String,
    /// Group here for a value of that claim. Repeat it for more.
    #[arg(long = "group", value_name = "VALUE=GROUP")]
    groups: Vec<String>,
    /// Values of amr or acr that count as a second factor, separated by commas.
    #[arg(long, default_value = "", hide_default_value = true)]
    mfa_values: String,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let group_map = group_map(&args.groups)?;
    let client_secret = match args.public_client {
        true => String::new(),
        false => secret::read(args.client_secret_file.as_deref())?,
    };
    let provider = CreateIdentityProvider {
        slug: args.slug.trim().to_owned(),
        name: args.name.trim().to_owned(),
        issuer: args.issuer.trim().to_owned(),
        client_id: args.client_id.trim().to_owned(),
        client_secret,
        scopes: prompt::split_list(&args.scopes),
        email_domains: prompt::split_list(&args.email_domains),
        link_by_email: args.link_by_email,
        provision: args.provision,
        default_groups: prompt::split_list(&args.default_groups),
        group_claim: args.group_claim.trim().to_owned(),
        group_map,
        mfa_values: prompt::split_list(&args.mfa_values),
    };
    let mut session = context.connect().await?;
    let created = challenge::curing(&mut session, async |api| {
        identity_providers::create(api, &provider).await
    })
    .await?;
    match context.format {
        Format::Json => json::print(&created),
        Format::Table => {
            message::success(&format!("identity provider {} created", provider.slug));
            let redirect = created.get("redirect_uri").and_then(Value::as_str);
            if let Some(address) = redirect {
                message::info(&format!("allow this redirect there: {address}"));
            }
        }
    }
    Ok(())
}

fn group_map(given: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    given
        .iter()
        .map(|text| {
            text.rsplit_once('=')
                .filter(|(value, group)| !value.is_empty() && !group.trim().is_empty())
                .map(|(value, group)| (value.to_owned(), group.trim().to_owned()))
                .ok_or_else(|| CliError::usage(format!("--group {text:?} is not VALUE=GROUP")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_an_equals_sign() {
        let given = ["cn=sre,dc=x=operators".to_owned(), "a=b".to_owned()];
        let map = group_map(&given).unwrap();
        assert_eq!(map["cn=sre,dc=x"], "operators");
        assert_eq!(map["a"], "b");
        for wrong in ["a", "=b", "a= "] {
            assert!(group_map(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
