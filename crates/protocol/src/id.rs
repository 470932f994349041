//! Typed ids: one UUIDv7 newtype per noun, so that mixing them does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new time-ordered id.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The nil id, which an absent field reads as.
            #[must_use]
            pub fn is_nil(&self) -> bool {
                self.0.is_nil()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// A workspace: the tenant every row belongs to.
    WorkspaceId,
    /// A person with an account.
    UserId,
    /// An application behind service tokens.
    ApplicationId,
    /// A rule that trusts jobs of a CI provider.
    TrustRuleId,
    /// An identity provider that people sign in with.
    ProviderId,
    /// A person as an identity provider knows them.
    FederatedIdentityId,
    /// A group of users that grants access to servers.
    GroupId,
    /// A user's membership in a group.
    MembershipId,
    /// An API token, personal or of a service.
    TokenId,
    /// An interactive login (password or browser).
    LoginId,
    /// A second factor of a user.
    FactorId,
    /// A managed server.
    ServerId,
    /// A registration token.
    RegistrationTokenId,
    /// A work session.
    WorkSessionId,
    /// A decision about sudo.
    SudoGrantId,
    /// A sudo policy inside a work session.
    SudoPolicyId,
    /// An approval request.
    ApprovalId,
    /// A command that was approved together with others.
    PlanItemId,
    /// Where notifications go.
    WebhookId,
    /// A notification on its way.
    DeliveryId,
    /// Who a user is in a chat.
    ChatIdentityId,
    /// A command.
    CommandId,
    /// An event session of a client.
    EventSessionId,
    /// The channel of an event session.
    ChannelId,
    /// A file transfer.
    TransferId,
    /// A session of the file browser.
    FileSessionId,
    /// A tunnel.
    TunnelId,
    /// A connection through a tunnel.
    TunnelConnectionId,
    /// A session with a terminal.
    WebshSessionId,
    /// A way into a terminal.
    WebshChannelId,
    /// A rule of a token's access-control list.
    AclId,
    /// An audit record.
    AuditId,
    /// A lock on a user, token, work session, server or workspace.
    LockId,
    /// A mail on its way.
    MailId,
    /// An invitation to a workspace.
    InvitationId,
    /// Leave to choose a new password.
    PasswordResetId,
    /// A human being across workspaces.
    PersonId,
}
