//! The system-call filter of a tree.

use libc::{c_long, sock_filter};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// Calls of the x32 interface have this bit.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

const CLONE_UNTRACED: u32 = 0x0080_0000;
const NEW_NAMESPACES: u32 = 0x0002_0000 | 0x1000_0000; // mount, user

// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
#[cfg(target_endian = "little")]
const FIRST_ARGUMENT: u32 = 16;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
#[cfg(target_arch = "x86_64")]
const JUMP_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// The filter as the kernel wants it. Other system-call interfaces kill; what
/// would leave the tree or rewrite the evidence gets EPERM; `clone3`, whose flags
/// no filter can see, gets ENOSYS, and C libraries fall back to `clone`.
pub(crate) fn program(allow_namespaces: bool) -> Vec<sock_filter> {
    let mut code = vec![
        instruction(LOAD, 0, 0, ARCH),
        instruction(JUMP_EQUAL, 1, 0, ARCHITECTURE),
        instruction(RETURN, 0, 0, KILL),
        instruction(LOAD, 0, 0, NUMBER),
    ];
    #[cfg(target_arch = "x86_64")]
    code.extend([
        instruction(JUMP_AT_LEAST, 0, 1, X32_BIT),
        instruction(RETURN, 0, 0, KILL),
    ]);
    refuse(&mut code, libc::SYS_clone3, libc::ENOSYS);
    refuse(&mut code, libc::SYS_ptrace, libc::EPERM);
    refuse(&mut code, libc::SYS_process_vm_writev, libc::EPERM);
    let mut forbidden = CLONE_UNTRACED;
    if !allow_namespaces {
        refuse(&mut code, libc::SYS_setns, libc::EPERM);
        refuse_bits(&mut code, libc::SYS_unshare, NEW_NAMESPACES);
        forbidden |= NEW_NAMESPACES;
    }
    refuse_bits(&mut code, libc::SYS_clone, forbidden);
    code.push(instruction(RETURN, 0, 0, ALLOW));
    code
}

fn refuse(code: &mut Vec<sock_filter>, call: c_long, errno: i32) {
    code.push(instruction(JUMP_EQUAL, 0, 1, number(call)));
    code.push(instruction(RETURN, 0, 0, failure(errno)));
}

/// Refuses a call whose first argument has any of `bits`.
fn refuse_bits(code: &mut Vec<sock_filter>, call: c_long, bits: u32) {
    code.extend([
        instruction(JUMP_EQUAL, 0, 4, number(call)),
        instruction(LOAD, 0, 0, FIRST_ARGUMENT),
        instruction(JUMP_ANY_BIT, 0, 1, bits),
        instruction(RETURN, 0, 0, failure(libc::EPERM)),
        instruction(RETURN, 0, 0, ALLOW),
    ]);
}

fn failure(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "system-call numbers are small and positive"
)]
fn number(call: c_long) -> u32 {
    call as u32
}

fn instruction(code: u16, if_true: u8, if_false: u8, value: u32) -> sock_filter {
    sock_filter {
        code,
        jt: if_true,
        jf: if_false,
        k: value,
    }
}
