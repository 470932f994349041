//! Variables that change which program runs, or what a program runs.

/// Names, sorted.
const NAMES: [&str; 64] = [
    "ANT_OPTS",
    "BASHOPTS",
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "BROWSER",
    "CDPATH",
    "CLASSPATH",
    "DYLD_INSERT_LIBRARIES",
    "EDITOR",
    "ENV",
    "EXECIGNORE",
    "FCEDIT",
    "FPATH",
    "GCONV_PATH",
    "GEM_HOME",
    "GEM_PATH",
    "GLOBIGNORE",
    "GOFLAGS",
    "GREP_OPTIONS",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "KUBECONFIG",
    "KUBECTL_EXTERNAL_DIFF",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "MAILCAPS",
    "MAKEFLAGS",
    "MALLOC_TRACE",
    "MANPAGER",
    "MAVEN_OPTS",
    "MFLAGS",
    "NLSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "OPENSSL_CONF",
    "PAGER",
    "PATH",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "RSYNC_RSH",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "SUDO_EDITOR",
    "SYSTEMD_EDITOR",
    "SYSTEMD_PAGER",
    "TAR_OPTIONS",
    "VISUAL",
];

/// Beginnings of names.
const PREFIXES: [&str; 14] = [
    "BASH_FUNC_",
    "CARGO_",
    "DOCKER_",
    "DYLD_",
    "GIT_",
    "GLIBC_",
    "LD_",
    "LESS",
    "NPM_CONFIG_",
    "PERL5",
    "PERLLIB",
    "PIP_",
    "PYTHON",
    "npm_config_",
];

/// Exceptions to the beginnings.
const HARMLESS: [&str; 13] = [
    "CARGO_INCREMENTAL",
    "CARGO_NET_OFFLINE",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_COLOR",
    "DOCKER_BUILDKIT",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_OPTIONAL_LOCKS",
    "GIT_TERMINAL_PROMPT",
];

/// Whether setting `name` can change what runs (`judgment.md` §3).
pub fn changes_what_runs(name: &str) -> bool {
    if HARMLESS.contains(&name) {
        return false;
    }
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_PAGER")
        || name.ends_with("_EDITOR")
        || name.ends_with("_COMMAND")
        || name.ends_with("_PRELOAD")
        || name.ends_with("_WRAPPER")
}
