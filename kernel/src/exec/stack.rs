//! What a program finds on its stack.
//!
//! Source: System V ABI, AMD64 Architecture Processor Supplement 3.4.1.

use alloc::{vec, vec::Vec};

use socket::error::{Errno, Error, Result};

use super::{
    Program,
    auxiliary::{self, Owner, Strings},
    elf::Placed,
};
use crate::{
    context::Context,
    mm::layout::{STACK_SIZE, STACK_TOP},
    random,
};

/// The most that one string may take, with its NUL byte (execve(2), MAX_ARG_STRLEN).
const STRING_LIMIT: usize = 131_072;
/// The most that strings and pointers may take (execve(2)).
const TOTAL_LIMIT: usize = STACK_SIZE / 4;

/// Writes strings, pointers and auxiliary vector to the top of the stack; gives the stack pointer.
///
/// # Errors
/// E2BIG; EFAULT or ENOMEM where memory is short.
pub(super) fn build(context: &Context, program: &Program, placed: &Placed) -> Result<usize> {
    let (user, group) = {
        let credentials = context.thread.credentials.lock();
        (credentials.user, credentials.group)
    };
    let owner = Owner { uid: user.real, euid: user.effective, gid: group.real, egid: group.effective };
    let too_big = Error::new(Errno::E2BIG, "arguments and environment are too long");

    let mut strings = Vec::new();
    let mut offsets = Vec::new();
    for string in program.arguments.iter().chain(&program.environment).chain([&program.path]) {
        if string.len() >= STRING_LIMIT || strings.len() + string.len() > TOTAL_LIMIT {
            return Err(too_big);
        }
        offsets.push(strings.len());
        strings.extend_from_slice(string);
        strings.push(0);
    }
    let platform = strings.len();
    strings.extend_from_slice(b"x86_64\0");
    let random_at = strings.len();
    let mut random_bytes = [0; 16];
    random::fill(&mut random_bytes);
    strings.extend_from_slice(&random_bytes);

    let strings_at = (STACK_TOP - 8 - strings.len()) & !15;
    let pointers = 1 + program.arguments.len() + 1 + program.environment.len() + 1 + auxiliary::ENTRIES * 2;
    let stack_pointer = (strings_at - pointers * 8) & !15;
    if STACK_TOP - stack_pointer > TOTAL_LIMIT {
        return Err(too_big);
    }

    let mut words: Vec<u64> = vec![program.arguments.len() as u64];
    let (arguments, rest) = offsets.split_at(program.arguments.len());
    let (environment, path) = rest.split_at(program.environment.len());
    for list in [arguments, environment] {
        words.extend(list.iter().map(|offset| (strings_at + offset) as u64));
        words.push(0);
    }
    let places = Strings {
        platform: strings_at + platform,
        random: strings_at + random_at,
        path: strings_at + path.first().copied().unwrap_or(0),
    };
    words.extend(auxiliary::vector(placed, &places, &owner).iter().flatten());

    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let no_memory = |_| Error::new(Errno::ENOMEM, "no memory for the program's stack");
    context.space.write_bytes(stack_pointer, &bytes).map_err(no_memory)?;
    context.space.write_bytes(strings_at, &strings).map_err(no_memory)?;
    Ok(stack_pointer)
}
