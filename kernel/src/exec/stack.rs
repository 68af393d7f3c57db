//! What a program finds on its stack.
//!
//! Source: System V ABI, AMD64 Architecture Processor Supplement 3.4.1.

use alloc::vec::Vec;

use socket::error::{Errno, Error, Result};

use super::{
    Given, Layout,
    auxiliary::{self, Owner, Strings},
};
use crate::{
    mm::{AddressSpace, StringPlaces, layout::STACK_TOP},
    random,
};

const PLATFORM: &[u8] = b"x86_64\0";
/// How many random bytes AT_RANDOM has.
const RANDOM_SIZE: usize = 16;
/// How many words are written at once.
const PORTION: usize = 512;

/// Writes strings, pointers and auxiliary vector to the top of the stack of an address space that is active. Gives the
/// stack pointer, and where the strings are.
///
/// # Errors
/// ENOMEM; E2BIG where there is not even room for the pointers.
pub(super) fn build(
    space: &AddressSpace,
    given: &Given,
    layout: &Layout,
    owner: &Owner,
) -> Result<(usize, StringPlaces)> {
    let arguments_length = given.arguments_length();
    let environment_length = given.environment.length();
    let name_length = given.path.len() + 1;
    let length = arguments_length + environment_length + name_length + PLATFORM.len() + RANDOM_SIZE;
    // The last word of the stack is zero, as on Linux.
    let arguments_at = (STACK_TOP - 8 - length) & !15;
    let environment_at = arguments_at + arguments_length;
    let name_at = environment_at + environment_length;
    let platform_at = name_at + name_length;
    let random_at = platform_at + PLATFORM.len();

    let arguments_count = given.argument_count();
    let words = 1 + arguments_count + 1 + given.environment.count() + 1 + auxiliary::ENTRIES * 2;
    let stack_pointer = (arguments_at - words * 8) & !15;
    if stack_pointer < STACK_TOP - layout.stack_size {
        return Err(Error::new(Errno::E2BIG, "the stack has no room for the arguments"));
    }

    given.write_arguments(space, arguments_at)?;
    given.environment.write(space, environment_at, 0)?;
    let no_memory = |_| Error::new(Errno::ENOMEM, "no memory for the program's stack");
    let mut tail = given.path.clone();
    tail.push(0);
    tail.extend_from_slice(PLATFORM);
    let mut random_bytes = [0; RANDOM_SIZE];
    random::fill(&mut random_bytes);
    tail.extend_from_slice(&random_bytes);
    space.write_bytes(name_at, &tail).map_err(no_memory)?;

    let places = Strings { platform: platform_at, random: random_at, path: name_at };
    let vector = auxiliary::vector(&layout.program, layout.base(), &places, owner);
    let environment = given.environment.starts().map(|start| (environment_at + start) as u64);
    let mut all = core::iter::once(arguments_count as u64)
        .chain(given.argument_starts().map(|start| (arguments_at + start) as u64))
        .chain([0])
        .chain(environment)
        .chain([0])
        .chain(vector.into_iter().flatten());
    let mut at = stack_pointer;
    loop {
        let portion: Vec<u8> = all.by_ref().take(PORTION).flat_map(u64::to_ne_bytes).collect();
        if portion.is_empty() {
            break;
        }
        space.write_bytes(at, &portion).map_err(no_memory)?;
        at += portion.len();
    }
    let arguments = (arguments_at, environment_at);
    let auxiliary_at = stack_pointer + (words - auxiliary::ENTRIES * 2) * 8;
    let places = StringPlaces {
        arguments,
        environment: (environment_at, name_at),
        auxiliary: (auxiliary_at, stack_pointer + words * 8),
    };
    Ok((stack_pointer, places))
}
