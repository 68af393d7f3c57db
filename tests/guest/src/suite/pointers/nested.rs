//! What pointers point to points on: iovec arrays and message headers.

use std::os::fd::AsRawFd;

use super::{
    super::unix::help::{client, exchange, listener, pair},
    memory::{Access, After, Memory, Place, Row, Situation},
};
use crate::{
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("pointers";
    readv_vector,
    writev_vector,
    sendmsg_header,
    recvmsg_header,
    readv_part,
    writev_part,
    sendmsg_vector,
    sendmsg_part,
    sendmsg_name,
    sendmsg_control,
    recvmsg_vector,
    recvmsg_part,
    recvmsg_name,
    second_part_of_a_vector,
    empty_parts_may_point_anywhere_low,
);

const WAITING: &[u8] = b"payload that waits";
/// The bad places in the user's half and beyond that any inner pointer is sent to.
const BAD: [Place; 9] = [
    Place::Null,
    Place::PageZero,
    Place::Unmapped,
    Place::Forbidden,
    Place::UserEnd,
    Place::NonCanonical,
    Place::Kernel,
    Place::KernelText,
    Place::Top,
];

/// A `struct iovec` array.
fn vector(parts: &[(usize, usize)]) -> Vec<u8> {
    parts.iter().flat_map(|(base, length)| [base.to_ne_bytes(), length.to_ne_bytes()].concat()).collect()
}

/// A `struct msghdr`: name, vector, control as address and length.
fn header(name: (usize, u32), parts: (usize, usize), control: (usize, usize)) -> Vec<u8> {
    [
        name.0.to_ne_bytes(),
        u64::from(name.1).to_ne_bytes(),
        parts.0.to_ne_bytes(),
        parts.1.to_ne_bytes(),
        control.0.to_ne_bytes(),
        control.1.to_ne_bytes(),
        [0; 8],
    ]
    .concat()
}

const PAYLOAD_SLOT: usize = 0;
const VECTOR_SLOT: usize = 1;
const HEADER_SLOT: usize = 2;

/// Good memory for one part of [`WAITING`]'s length, a vector of it and a header with that vector.
fn good_header(memory: &Memory, payload: &[u8]) -> (Vec<u8>, usize) {
    let part = memory.put(PAYLOAD_SLOT, payload);
    let parts = memory.put(VECTOR_SLOT, &vector(&[(part, WAITING.len())]));
    let contents = header((0, 0), (parts, 1), (0, 0));
    let address = memory.put(HEADER_SLOT, &contents);
    (contents, address)
}

/// A pair about to send; `words` from the left end's number.
fn sending(words: impl FnOnce(usize) -> [usize; 6]) -> Outcome<Situation> {
    let (left, right) = pair()?;
    let words = words(left.as_raw_fd() as usize);
    let usable = move |after: After| {
        let mut data = [0; 64];
        let met = sys::recv(&right, &mut data, libc::MSG_DONTWAIT);
        match after {
            After::Good(count) => {
                check_eq!(count, WAITING.len());
                check_eq!(met, Ok(count));
                check_eq!(&data[..count], WAITING);
            }
            After::Bad(_) => check_err!(met, EAGAIN, "nothing was sent"),
        }
        exchange(&left, &right)
    };
    Ok(Situation { words, usable: Box::new(usable) })
}

/// A pair at whose left end [`WAITING`] waits. `kept` tells of which bad places the data survives.
fn receiving(kept: fn(Place) -> bool, words: impl FnOnce(usize) -> [usize; 6]) -> Outcome<Situation> {
    let (left, right) = pair()?;
    sys::write(&right, WAITING)?;
    let words = words(left.as_raw_fd() as usize);
    let usable = move |after: After| {
        let mut data = [0; 64];
        let met = sys::recv(&left, &mut data, libc::MSG_DONTWAIT);
        match after {
            After::Bad(place) if kept(place) => check_eq!(met, Ok(WAITING.len()), "the data stays"),
            After::Good(_) | After::Bad(_) => check_err!(met, EAGAIN, "the data was delivered"),
        }
        exchange(&left, &right)
    };
    Ok(Situation { words, usable: Box::new(usable) })
}

/// The whole vector array of readv and writev.
fn vector_row(call: &'static str, number: i64, situation: fn(&Case, &Memory) -> Outcome<Situation>) -> Row {
    // The array's own contents are filled in per attempt: a bad place is never read.
    Row {
        call,
        number,
        register: 1,
        access: Access::Read,
        contents: Vec::new(),
        exempt: &[Place::Crossing],
        situation,
    }
}

/// Tries the bad places, without the good ones: the object's contents depend on the memory.
fn try_bad_places(case: &Case, row: &Row, contents: fn(&Memory) -> Vec<u8>) -> Outcome {
    let memory = Memory::new()?;
    for place in BAD.into_iter().chain([Place::Crossing]) {
        let situation = (row.situation)(case, &memory)?;
        let mut words = situation.words;
        words[row.register] = memory.bad(place, &contents(&memory))?;
        check_err!(memory.0.call(row.call, row.number, words), EFAULT, "{} at {place:?}", row.call);
        (situation.usable)(After::Bad(place))?;
    }
    let situation = (row.situation)(case, &memory)?;
    let mut words = situation.words;
    // On a page that can only be read, and at the end of a page, the kernel may read.
    words[row.register] = memory.read_only(&contents(&memory))?;
    let count = memory.0.call(row.call, row.number, words);
    check_eq!(count, Ok(WAITING.len()), "{}", row.call);
    (situation.usable)(After::Good(WAITING.len()))
}

fn one_part(memory: &Memory) -> Vec<u8> {
    vector(&[(memory.put(PAYLOAD_SLOT, WAITING), WAITING.len())])
}

fn readv_vector(case: &Case) -> Outcome {
    let row = vector_row("readv", libc::SYS_readv, |_, _| receiving(|_| true, |fd| [fd, 0, 1, 0, 0, 0]));
    try_bad_places(case, &row, one_part)
}

fn writev_vector(case: &Case) -> Outcome {
    let row = vector_row("writev", libc::SYS_writev, |_, _| sending(|fd| [fd, 0, 1, 0, 0, 0]));
    try_bad_places(case, &row, one_part)
}

fn sendmsg_header(case: &Case) -> Outcome {
    let row = vector_row("sendmsg", libc::SYS_sendmsg, |_, _| sending(|fd| [fd, 0, 0, 0, 0, 0]));
    try_bad_places(case, &row, |memory| good_header(memory, WAITING).0)
}

fn recvmsg_header(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| {
        let (_, address) = good_header(memory, &[0; 64]);
        // A header that can be read but not written fails only when the result is written.
        receiving(|place| place != Place::ReadOnly, |fd| [fd, address, 0, 0, 0, 0])
    };
    let memory = Memory::new()?;
    for place in BAD.into_iter().chain([Place::Crossing, Place::ReadOnly]) {
        let situation = situation(case, &memory)?;
        let (contents, _) = good_header(&memory, &[0; 64]);
        let mut words = situation.words;
        words[1] = memory.bad(place, &contents)?;
        check_err!(memory.0.call("recvmsg", libc::SYS_recvmsg, words), EFAULT, "{place:?}");
        (situation.usable)(After::Bad(place))?;
    }
    let good = situation(case, &memory)?;
    check_eq!(memory.0.call("recvmsg", libc::SYS_recvmsg, good.words), Ok(WAITING.len()));
    check_eq!(&memory.get::<18>(PAYLOAD_SLOT), WAITING);
    (good.usable)(After::Good(WAITING.len()))
}

/// Sends a call with a vector whose only part is bad in each way.
fn try_parts(call: &'static str, number: i64, sends: bool, message: bool) -> Outcome {
    let memory = Memory::new()?;
    let mut places = BAD.to_vec();
    places.push(Place::Crossing);
    if !sends {
        places.push(Place::ReadOnly);
    }
    for place in places.into_iter().map(Some).chain([None]) {
        let part = match place {
            Some(place) => memory.bad(place, WAITING)?,
            None if sends => memory.read_only(WAITING)?,
            None => memory.fresh(),
        };
        let parts = memory.put(VECTOR_SLOT, &vector(&[(part, WAITING.len())]));
        let whole = memory.put(HEADER_SLOT, &header((0, 0), (parts, 1), (0, 0)));
        let words = move |fd| if message { [fd, whole, 0, 0, 0, 0] } else { [fd, parts, 1, 0, 0, 0] };
        let situation = if sends { sending(words)? } else { receiving(|_| true, words)? };
        let met = memory.0.call(call, number, situation.words);
        match place {
            Some(place) => {
                check_err!(met, EFAULT, "{call} with a part at {place:?}");
                (situation.usable)(After::Bad(place))?;
            }
            None => {
                check_eq!(met, Ok(WAITING.len()), "{call}");
                (situation.usable)(After::Good(WAITING.len()))?;
            }
        }
    }
    Ok(())
}

fn readv_part(_: &Case) -> Outcome {
    try_parts("readv", libc::SYS_readv, false, false)
}

fn writev_part(_: &Case) -> Outcome {
    try_parts("writev", libc::SYS_writev, true, false)
}

fn sendmsg_part(_: &Case) -> Outcome {
    try_parts("sendmsg", libc::SYS_sendmsg, true, true)
}

fn recvmsg_part(_: &Case) -> Outcome {
    try_parts("recvmsg", libc::SYS_recvmsg, false, true)
}

/// Sends sendmsg or recvmsg with a header in which one inner pointer is bad in each way.
fn try_headers(
    call: &'static str,
    number: i64,
    places: &[Place],
    situation: impl Fn(usize) -> Outcome<Situation>,
    inner: impl Fn(&Memory, usize) -> Vec<u8>,
) -> Outcome {
    let memory = Memory::new()?;
    for place in places {
        let bad = memory.bad(*place, &[0; 64])?;
        let contents = inner(&memory, bad);
        let whole = memory.put(HEADER_SLOT, &contents);
        let situation = situation(whole)?;
        check_err!(memory.0.call(call, number, situation.words), EFAULT, "{place:?}");
        (situation.usable)(After::Bad(*place))?;
    }
    Ok(())
}

fn sendmsg_vector(_: &Case) -> Outcome {
    let situation = |whole| sending(move |fd| [fd, whole, 0, 0, 0, 0]);
    try_headers("sendmsg", libc::SYS_sendmsg, &BAD, situation, |_, bad| header((0, 0), (bad, 1), (0, 0)))
}

fn recvmsg_vector(_: &Case) -> Outcome {
    let situation = |whole| receiving(|_| true, move |fd| [fd, whole, 0, 0, 0, 0]);
    try_headers("recvmsg", libc::SYS_recvmsg, &BAD, situation, |_, bad| header((0, 0), (bad, 1), (0, 0)))
}

fn sendmsg_name(_: &Case) -> Outcome {
    let situation = |whole| sending(move |fd| [fd, whole, 0, 0, 0, 0]);
    // NULL means that there is no name.
    try_headers("sendmsg", libc::SYS_sendmsg, &BAD[1..], situation, |memory, bad| {
        let part = memory.put(PAYLOAD_SLOT, WAITING);
        let parts = memory.put(VECTOR_SLOT, &vector(&[(part, WAITING.len())]));
        header((bad, 20), (parts, 1), (0, 0))
    })
}

fn sendmsg_control(_: &Case) -> Outcome {
    let situation = |whole| sending(move |fd| [fd, whole, 0, 0, 0, 0]);
    try_headers("sendmsg", libc::SYS_sendmsg, &BAD, situation, |memory, bad| {
        let part = memory.put(PAYLOAD_SLOT, WAITING);
        let parts = memory.put(VECTOR_SLOT, &vector(&[(part, WAITING.len())]));
        header((0, 0), (parts, 1), (bad, 32))
    })
}

fn recvmsg_name(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    for place in BAD[1..].iter().chain(&[Place::ReadOnly]) {
        let address = case.abstract_address(&format!("{place:?}{:0>20}", ""));
        let fd = listener(&address, 1)?;
        let near = client(&address)?;
        let far = sys::accept(&fd)?;
        sys::write(&far, WAITING)?;
        let part = memory.put(PAYLOAD_SLOT, &[0; 64]);
        let parts = memory.put(VECTOR_SLOT, &vector(&[(part, 64)]));
        let whole = memory.put(HEADER_SLOT, &header((memory.bad(*place, &[0; 20])?, 20), (parts, 1), (0, 0)));
        let words = [near.as_raw_fd() as usize, whole, 0, 0, 0, 0];
        check_err!(memory.0.call("recvmsg", libc::SYS_recvmsg, words), EFAULT, "{place:?}");
        check_err!(sys::recv(&near, &mut [0], libc::MSG_DONTWAIT), EAGAIN, "the data was delivered before");
        exchange(&near, &far)?;
    }
    Ok(())
}

fn second_part_of_a_vector(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    // Sending: the bytes are collected before anything is queued, so that a bad second part sends nothing.
    for place in BAD {
        let part = memory.put(PAYLOAD_SLOT, WAITING);
        let parts = memory.put(VECTOR_SLOT, &vector(&[(part, 4), (memory.bad(place, &[])?, 4)]));
        let situation = sending(|fd| [fd, parts, 2, 0, 0, 0])?;
        check_err!(memory.0.call("writev", libc::SYS_writev, situation.words), EFAULT, "{place:?}");
        (situation.usable)(After::Bad(place))?;
    }
    // Receiving: a packet of which a part cannot be delivered stays whole.
    for place in BAD {
        let part = memory.put(PAYLOAD_SLOT, &[0; 8]);
        let parts = memory.put(VECTOR_SLOT, &vector(&[(part, 4), (memory.bad(place, &[])?, WAITING.len())]));
        let situation = receiving(|_| true, |fd| [fd, parts, 2, 0, 0, 0])?;
        check_err!(memory.0.call("readv", libc::SYS_readv, situation.words), EFAULT, "{place:?}");
        (situation.usable)(After::Bad(place))?;
    }
    Ok(())
}

fn empty_parts_may_point_anywhere_low(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let part = memory.put(PAYLOAD_SLOT, WAITING);
    let parts = memory.put(VECTOR_SLOT, &vector(&[(0, 0), (8, 0), (part, WAITING.len()), (0x2_0000, 0)]));
    let situation = sending(|fd| [fd, parts, 4, 0, 0, 0])?;
    check_eq!(memory.0.call("writev", libc::SYS_writev, situation.words), Ok(WAITING.len()));
    (situation.usable)(After::Good(WAITING.len()))?;
    let situation = receiving(|_| true, |fd| [fd, parts, 4, 0, 0, 0])?;
    check_eq!(memory.0.call("readv", libc::SYS_readv, situation.words), Ok(WAITING.len()));
    (situation.usable)(After::Good(WAITING.len()))?;
    let whole = memory.put(HEADER_SLOT, &header((8, 0), (parts, 4), (8, 0)));
    let situation = sending(|fd| [fd, whole, 0, 0, 0, 0])?;
    check_eq!(memory.0.call("sendmsg", libc::SYS_sendmsg, situation.words), Ok(WAITING.len()));
    (situation.usable)(After::Good(WAITING.len()))
}
