//! Machine codes of error bodies (`rest-identity.md` §12, `rest-operations.md` §1.9).
//! A client decides by code, never by text.

/// A recent second factor is needed. Only for interactive logins.
pub const AUTH_MFA_REQUIRED: &str = "auth_mfa_required";
/// The caller has not chosen a system username yet.
pub const USER_USERNAME_REQUIRED: &str = "user_username_required";
/// Not the form of a system username.
pub const USER_USERNAME_INVALID: &str = "user_username_invalid";
/// A reserved system username.
pub const USER_USERNAME_DISALLOWED: &str = "user_username_disallowed";
/// Somebody else's system username.
pub const USER_USERNAME_IN_USE: &str = "user_username_in_use";
/// The caller has a system username, which stays.
pub const USER_USERNAME_ALREADY_SET: &str = "user_username_already_set";
/// An account of this name exists on a server; only a superuser may give it to somebody.
pub const APPROVAL_SUPERUSER_APPROVE_REQUIRED: &str = "approval_superuser_approve_required";
/// A token's access-control lists do not allow this.
pub const API_TOKEN_ACL_NOT_ALLOWED: &str = "api_token_acl_not_allowed";
/// The token lacks the scope of this endpoint.
pub const API_TOKEN_SCOPE_NOT_ALLOWED: &str = "api_token_scope_not_allowed";
/// The command line carries a credential.
pub const COMMAND_INLINE_CREDENTIAL: &str = "command_inline_credential";
/// The judge refused the command.
pub const COMMAND_NOT_ALLOWED: &str = "command_not_allowed";
/// The workspace's external judge refuses it.
pub const EXTERNAL_JUDGE_DENIED: &str = "external_judge_denied";
/// A guardrail of the workspace forbids this.
pub const GUARDRAIL_DENIED: &str = "guardrail_denied";
/// The rules of the work session do not allow this port.
pub const TUNNEL_PORT_NOT_ALLOWED: &str = "tunnel_port_not_allowed";
/// The server is in use; `force` overrides.
pub const SERVER_BUSY_WITH_USER_WORK: &str = "server_busy_with_user_work";
/// The server's agent is not connected.
pub const SERVER_NOT_CONNECTED: &str = "server_not_connected";
/// A transfer has not ended yet; keep asking.
pub const WEBFTP_TRANSFER_IN_PROGRESS: &str = "webftp_transfer_in_progress";
/// A file rule of the work session does not allow the path.
pub const PATH_NOT_ALLOWED: &str = "path_not_allowed";
/// The workspace's policy does not let this content through.
pub const CONTENT_NOT_ALLOWED: &str = "content_not_allowed";
/// A transfer, or what is stored of transfers, would exceed a limit.
pub const TRANSFER_LIMIT_EXCEEDED: &str = "transfer_limit_exceeded";
/// No work session was named, and this login needs one.
pub const WORK_SESSION_REQUIRED: &str = "work_session_required";
/// The work session is in a final state other than expired.
pub const WORK_SESSION_NOT_USABLE: &str = "work_session_not_usable";
/// The work session has not started.
pub const WORK_SESSION_NOT_ACTIVE: &str = "work_session_not_active";
/// The work session's window is over.
pub const WORK_SESSION_EXPIRED: &str = "work_session_expired";
/// The work session does not hold the operation's scope.
pub const WORK_SESSION_SCOPE_NOT_ALLOWED: &str = "work_session_scope_not_allowed";
/// The work session does not hold the target server.
pub const WORK_SESSION_SERVER_NOT_ALLOWED: &str = "work_session_server_not_allowed";
/// The work session is assigned to somebody else.
pub const WORK_SESSION_ASSIGNEE_MISMATCH: &str = "work_session_assignee_mismatch";
/// The transition needs a pending work session.
pub const WORK_SESSION_NOT_PENDING: &str = "work_session_not_pending";
/// No such work session.
pub const WORK_SESSION_NOT_FOUND: &str = "work_session_not_found";
/// An unknown or forbidden scope.
pub const WORK_SESSION_INVALID_SCOPE: &str = "work_session_invalid_scope";
/// Sudo policies need the `sudo` scope.
pub const WORK_SESSION_SUDO_POLICY_WITHOUT_SCOPE: &str = "work_session_sudo_policy_without_scope";
/// A required member of the body is missing.
pub const API_INSUFFICIENT_DATA: &str = "api_insufficient_data";
/// A value outside its closed set.
pub const INVALID_CHOICE: &str = "invalid_choice";
/// A malformed value.
pub const INVALID_INPUT: &str = "invalid_input";
/// A slug rule was broken (registration names).
pub const INVALID: &str = "invalid";
/// No workspace is served under this host name.
pub const WORKSPACE_NOT_FOUND: &str = "workspace_not_found";
/// The operator does not let the workspace be served.
pub const WORKSPACE_DISABLED: &str = "workspace_disabled";
/// The workspace is locked.
pub const WORKSPACE_LOCKED: &str = "workspace_locked";
/// The user is locked.
pub const USER_LOCKED: &str = "user_locked";
/// The token is locked.
pub const API_TOKEN_LOCKED: &str = "api_token_locked";
/// The server is locked.
pub const SERVER_LOCKED: &str = "server_locked";
/// The password must be changed before anything else.
pub const USER_PASSWORD_CHANGE_REQUIRED: &str = "user_password_change_required";
/// The password is guessed easily.
pub const USER_PASSWORD_WEAK: &str = "user_password_weak";
/// The server sends no mail.
pub const MAIL_NOT_CONFIGURED: &str = "mail_not_configured";
/// Local argument error of the CLI; never sent by a server.
pub const USAGE_ERROR: &str = "usage_error";

/// The seven refusals of the work-session gate: exit status 3 in the CLI.
pub const WORK_SESSION_GATE: [&str; 7] = [
    WORK_SESSION_REQUIRED,
    WORK_SESSION_NOT_USABLE,
    WORK_SESSION_NOT_ACTIVE,
    WORK_SESSION_EXPIRED,
    WORK_SESSION_SCOPE_NOT_ALLOWED,
    WORK_SESSION_SERVER_NOT_ALLOWED,
    WORK_SESSION_ASSIGNEE_MISMATCH,
];
