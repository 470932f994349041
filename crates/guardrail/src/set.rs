//! The guardrails of a workspace, and what they say.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, EntityUid, PolicyId, PolicySet,
    PrincipalConstraint,
};

use crate::compile::{Error, Source, compile};
use crate::facts::{Facts, Operation, Question};

/// Stack that evaluating a policy within its bounds takes.
const ROOM: usize = if cfg!(debug_assertions) {
    8 << 20
} else {
    1 << 20
};

/// What a policy does where it matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing happens.
    #[default]
    Deny,
    /// Nothing happens before somebody approved it.
    Hold,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Id of the guardrail.
    pub guardrail: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// The policy in it: its `@id`, or its number.
    pub policy: String,
    /// For the caller: its `@reason`, or a sentence that names the guardrail.
    pub reason: String,
}

/// The answer of all guardrails together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// None matches.
    Pass,
    /// One wants an approval, and none denies.
    Hold(Decided),
    /// One denies.
    Deny(Decided),
}

/// The guardrails of a workspace, compiled.
#[derive(Debug, Default)]
pub struct Set {
    policies: Vec<Entry>,
    /// Policies by operation and by the principal or group they name; none: anyone.
    slices: HashMap<(Operation, Option<EntityUid>), PolicySet>,
    authorizer: Authorizer,
    guardrails: usize,
}

#[derive(Debug)]
struct Entry {
    id: PolicyId,
    effect: Effect,
    decided: Decided,
}

impl Set {
    /// Compiles guardrails, in the order in which they are to be named.
    ///
    /// # Errors
    /// The name of the first that cannot be used, and why.
    pub fn compile(sources: &[Source]) -> Result<Self, (String, Error)> {
        let mut set = Self {
            guardrails: sources.len(),
            ..Self::default()
        };
        for source in sources {
            let named = |error| (source.name.clone(), error);
            let (policies, _) = compile(&source.text).map_err(named)?;
            for policy in policies {
                let id = PolicyId::new(set.policies.len().to_string());
                let renamed = policy.policy.new_id(id.clone());
                let principal = match renamed.principal_constraint() {
                    PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
                    PrincipalConstraint::In(uid)
                    | PrincipalConstraint::Eq(uid)
                    | PrincipalConstraint::IsIn(_, uid) => Some(uid),
                };
                let actions = renamed.action_constraint();
                for operation in Operation::ALL {
                    if !covers(&actions, operation) {
                        continue;
                    }
                    let slice = set.slices.entry((operation, principal.clone()));
                    let added = slice.or_default().add(renamed.clone());
                    added.map_err(|error| named(Error::Schema(error.to_string())))?;
                }
                let reason = policy.reason.unwrap_or_else(|| match policy.effect {
                    Effect::Deny => format!("The guardrail {} forbids this.", source.name),
                    Effect::Hold => {
                        format!("The guardrail {} asks for an approval.", source.name)
                    }
                });
                set.policies.push(Entry {
                    id,
                    effect: policy.effect,
                    decided: Decided {
                        guardrail: source.id.clone(),
                        name: source.name.clone(),
                        version: source.version,
                        policy: policy.name,
                        reason,
                    },
                });
            }
        }
        Ok(set)
    }

    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// How many guardrails there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.guardrails
    }

    /// What the guardrails say. Of several, one that denies comes first, then the
    /// first in order. A policy that cannot be evaluated denies.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Outcome {
        if self.policies.is_empty() {
            return Outcome::Pass;
        }
        let question = match facts.question() {
            Ok(question) => question,
            Err(error) => {
                return Outcome::Deny(Decided {
                    guardrail: String::new(),
                    name: String::new(),
                    version: 0,
                    policy: String::new(),
                    reason: format!("The guardrails cannot be asked about this: {error}"),
                });
            }
        };
        let operation = facts.detail.operation();
        let principals = question.principals.iter().cloned();
        let keys = std::iter::once(None).chain(principals.map(Some));
        let mut found: Option<(Effect, usize, Option<String>)> = None;
        let mut consider = |candidate: (Effect, usize, Option<String>)| {
            let is_better = found
                .as_ref()
                .is_none_or(|best| (candidate.0, candidate.1) < (best.0, best.1));
            if is_better {
                found = Some(candidate);
            }
        };
        for key in keys {
            let Some(slice) = self.slices.get(&(operation, key)) else {
                continue;
            };
            // Cedar recurses, and gives up where the stack ends.
            let response = stacker::maybe_grow(ROOM, 2 * ROOM, || {
                let Question {
                    request, entities, ..
                } = &question;
                self.authorizer.is_authorized(request, slice, entities)
            });
            for id in response.diagnostics().reason() {
                if let Some(index) = self.index(id)
                    && let Some(entry) = self.policies.get(index)
                {
                    consider((entry.effect, index, None));
                }
            }
            // Cedar passes over what fails; a ban must not fall away because of it.
            for error in response.diagnostics().errors() {
                let AuthorizationError::PolicyEvaluationError(failed) = error;
                let index = self.index(failed.policy_id()).unwrap_or_default();
                consider((Effect::Deny, index, Some(error.to_string())));
            }
        }
        let Some((effect, index, error)) = found else {
            return Outcome::Pass;
        };
        let Some(entry) = self.policies.get(index) else {
            return Outcome::Pass;
        };
        let mut decided = entry.decided.clone();
        if let Some(error) = error {
            decided.reason = format!(
                "The guardrail {} could not be evaluated, which denies: {error}",
                decided.name
            );
        }
        match effect {
            Effect::Deny => Outcome::Deny(decided),
            Effect::Hold => Outcome::Hold(decided),
        }
    }

    fn index(&self, id: &PolicyId) -> Option<usize> {
        let text: &str = id.as_ref();
        let index: usize = text.parse().ok()?;
        self.policies
            .get(index)
            .is_some_and(|entry| entry.id == *id)
            .then_some(index)
    }
}

fn covers(actions: &ActionConstraint, operation: Operation) -> bool {
    let is = |uid: &EntityUid| {
        let id: &str = uid.id().as_ref();
        id == operation.as_str()
    };
    match actions {
        ActionConstraint::Any => true,
        ActionConstraint::In(uids) => uids.iter().any(is),
        ActionConstraint::Eq(uid) => is(uid),
    }
}
