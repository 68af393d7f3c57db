//! Open files passed over stream sockets (SCM_RIGHTS, `unix(7)`).

use std::{
    fs::File,
    io::{IoSlice, IoSliceMut, Read, Write},
    os::fd::OwnedFd,
};

use super::{
    control::{self, Got, length, message, raw, receive, receive_with, rights, send, send_files, space},
    help::{accepted, client, exchange, listener, pair, ready, set_nonblocking},
};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor, Envelope, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    rights_pass_a_pipe,
    rights_pass_files_of_every_kind,
    rights_pass_what_is_opened_with_path_alone,
    rights_pass_the_same_file_twice,
    rights_keep_the_file_open_while_it_is_on_its_way,
    rights_share_offset_and_status_flags,
    rights_come_with_the_first_byte,
    rights_of_a_large_message_come_with_its_first_piece,
    rights_without_payload_are_not_sent,
    rights_end_a_read,
    rights_end_a_read_that_waits_for_all,
    rights_are_lost_to_read_and_recvfrom,
    rights_come_without_room_for_payload,
    rights_stay_after_a_fault,
    rights_peeked_are_copies,
    rights_peeked_end_the_look,
    rights_close_on_exec_on_request,
    rights_take_the_lowest_numbers,
    rights_without_control_buffer_are_closed,
    rights_beyond_the_room_are_closed,
    rights_beyond_the_limit_of_descriptors_are_closed,
    rights_use_the_room_that_cmsg_space_says,
    rights_of_a_bad_control_buffer_are_closed,
    rights_refuse_bad_descriptors,
    rights_refuse_more_than_253,
    rights_of_several_messages_are_joined,
    rights_refuse_bad_lengths,
    rights_with_odd_lengths_are_rounded_down,
    control_unknown_types_are_refused,
    control_errors_come_in_order,
    control_errors_come_before_the_state,
    control_too_large_is_refused,
    rights_never_received_are_closed,
    rights_never_accepted_are_closed,
    rights_of_a_failed_send_are_not_kept,
    rights_over_a_shut_connection,
    rights_wait_for_room,
);

/// A pipe's ends, to tell what became of them: the reading end hangs up once the writing end is closed for good.
struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

fn pipe() -> Outcome<Pipe> {
    let (reader, writer) = sys::pipe2(libc::O_NONBLOCK)?;
    Ok(Pipe { reader, writer })
}

/// Whether the writing end is closed for good.
fn is_hung_up(reader: &OwnedFd) -> Outcome<bool> {
    Ok(ready(reader)? & libc::POLLHUP != 0)
}

fn only_file(mut got: Got) -> Outcome<OwnedFd> {
    check_eq!(got.files.len(), 1);
    check!(!got.is_truncated());
    Ok(got.files.remove(0))
}

fn rights_pass_a_pipe(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    check_eq!(send_files(&left, b"x", &[&pipe.writer])?, 1);
    let got = receive(&right, 8)?;
    check_eq!(got.data, b"x");
    check_eq!(got.header.control, space(4));
    check_eq!(got.header.flags, 0);
    check_eq!(got.only(control::RIGHTS).map(<[u8]>::len), Some(4));
    let file = only_file(got)?;
    check!(file.number() != pipe.writer.number(), "a descriptor of its own");
    check_eq!(sys::write(&file, b"through")?, 7);
    let mut text = [0; 8];
    check_eq!(sys::read(&pipe.reader, &mut text)?, 7);
    drop(pipe.writer);
    check!(!is_hung_up(&pipe.reader)?);
    drop(file);
    check!(is_hung_up(&pipe.reader)?);
    exchange(&left, &right)
}

fn rights_pass_files_of_every_kind(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (stream, _other) = pair()?;
    let address = case.abstract_address("a");
    let listening = listener(&address, 1)?;
    let regular = sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
    let directory = sys::open(c"/", libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let device = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    let memory = sys::memfd_create(c"memory", 0)?;
    let pipe = pipe()?;
    let files: [&OwnedFd; 8] =
        [&stream, &listening, &regular, &directory, &device, &memory, &pipe.reader, &pipe.writer];
    let described: Vec<&dyn Descriptor> = files.iter().map(|file| *file as &dyn Descriptor).collect();
    send_files(&left, b"x", &described)?;
    let got = receive(&right, 8)?;
    check_eq!(got.files.len(), files.len());
    for (sent, came) in files.iter().zip(&got.files) {
        let (sent, came) = (sys::fstat(*sent)?, sys::fstat(came)?);
        check_eq!((sent.st_dev, sent.st_ino, sent.st_mode), (came.st_dev, came.st_ino, came.st_mode));
    }
    let connected = client(&address)?;
    let accepted = sys::accept(&got.files[1])?;
    exchange(&connected, &accepted)
}

fn rights_pass_what_is_opened_with_path_alone(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    std::fs::write(case.directory().join("file"), b"text")?;
    let named = sys::open(&case.path("file"), libc::O_PATH, 0)?;
    send_files(&left, b"x", &[&named])?;
    let file = only_file(receive(&right, 8)?)?;
    check_eq!(sys::fstat(&file)?.st_ino, sys::fstat(&named)?.st_ino);
    check_err!(sys::read(&file, &mut [0]), EBADF);
    Ok(())
}

fn rights_pass_the_same_file_twice(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"x", &[&pipe.writer, &pipe.writer])?;
    drop(pipe.writer);
    let got = receive(&right, 8)?;
    check_eq!(got.files.len(), 2);
    let mut files = got.files;
    drop(files.remove(0));
    check!(!is_hung_up(&pipe.reader)?);
    drop(files);
    check!(is_hung_up(&pipe.reader)?);
    Ok(())
}

fn rights_keep_the_file_open_while_it_is_on_its_way(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"x", &[&pipe.writer])?;
    drop((pipe.writer, left));
    check!(!is_hung_up(&pipe.reader)?, "the message has it open");
    let file = only_file(receive(&right, 8)?)?;
    check_eq!(sys::write(&file, b"y")?, 1);
    drop(file);
    check_eq!(sys::read(&pipe.reader, &mut [0; 4])?, 1);
    check!(is_hung_up(&pipe.reader)?);
    Ok(())
}

fn rights_share_offset_and_status_flags(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let mut file = File::create_new(case.directory().join("file"))?;
    file.write_all(b"0123456789")?;
    let read = sys::open(&case.path("file"), libc::O_RDONLY, 0)?;
    send_files(&left, b"x", &[&read])?;
    sys::read(&read, &mut [0; 3])?;
    let came = only_file(receive(&right, 8)?)?;
    let mut text = [0; 4];
    check_eq!(sys::read(&came, &mut text)?, 4);
    check_eq!(&text, b"3456");
    set_nonblocking(&came, true)?;
    check!(sys::fcntl(&read, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK != 0);
    Ok(())
}

fn rights_come_with_the_first_byte(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"abc", &[&pipe.writer])?;
    let got = receive(&right, 1)?;
    check_eq!((&got.data[..], got.files.len()), (&b"a"[..], 1));
    // What is left of the message is data like any other.
    sys::write(&left, b"def")?;
    let got = receive(&right, 8)?;
    check_eq!((&got.data[..], got.files.len(), got.header.control), (&b"bcdef"[..], 0, 0));
    Ok(())
}

fn rights_of_a_large_message_come_with_its_first_piece(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    let large = vec![b'x'; 100_000];
    check_eq!(send_files(&left, &large, &[&pipe.writer])?, large.len());
    let got = receive(&right, 10)?;
    check_eq!((got.data.len(), got.files.len()), (10, 1));
    let mut rest = 10;
    while rest < large.len() {
        let got = receive(&right, 200_000)?;
        check_eq!(got.files.len(), 0);
        check!(!got.data.is_empty());
        rest += got.data.len();
    }
    Ok(())
}

fn rights_without_payload_are_not_sent(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    check_eq!(send_files(&left, b"", &[&pipe.writer])?, 0);
    drop(pipe.writer);
    check!(is_hung_up(&pipe.reader)?, "nobody keeps it");
    check_err!(receive(&right, 8).map(|_| 0), EAGAIN);
    check_err!(send(&left, b"", &rights(&[-1]), 0), EBADF);
    exchange(&left, &right)
}

fn rights_end_a_read(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (one, two) = (pipe()?, pipe()?);
    sys::write(&left, b"ab")?;
    sys::write(&left, b"c")?;
    send_files(&left, b"de", &[&one.writer])?;
    send_files(&left, b"f", &[&two.writer])?;
    sys::write(&left, b"gh")?;
    // What comes before is joined to it, what comes after is not.
    let got = receive(&right, 100)?;
    check_eq!((&got.data[..], got.files.len()), (&b"abcde"[..], 1));
    let got = receive(&right, 100)?;
    check_eq!((&got.data[..], got.files.len()), (&b"f"[..], 1));
    let got = receive(&right, 100)?;
    check_eq!((&got.data[..], got.files.len()), (&b"gh"[..], 0));
    Ok(())
}

fn rights_end_a_read_that_waits_for_all(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    sys::write(&left, b"a")?;
    send_files(&left, b"b", &[&pipe.writer])?;
    sys::write(&left, b"c")?;
    let got = receive_with(&right, 3, 64, libc::MSG_WAITALL)?;
    check_eq!((&got.data[..], got.files.len()), (&b"ab"[..], 1));
    Ok(())
}

fn rights_are_lost_to_read_and_recvfrom(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let mut buffer = [0; 8];
    let mut one = [0; 4];
    for way in 0..4 {
        let pipe = pipe()?;
        send_files(&left, b"ab", &[&pipe.writer])?;
        sys::write(&left, b"c")?;
        drop(pipe.writer);
        check!(!is_hung_up(&pipe.reader)?);
        let count = match way {
            0 => sys::read(&right, &mut buffer),
            1 => sys::readv(&right, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut buffer)]),
            2 => sys::recv(&right, &mut buffer, 0),
            _ => sys::recvfrom(&right, &mut buffer, 0, &mut [0; 16], &mut 16),
        }?;
        check_eq!(count, 2, "way {way}: they end a read all the same");
        check!(is_hung_up(&pipe.reader)?, "way {way}");
        check_eq!(sys::read(&right, &mut buffer)?, 1);
    }
    exchange(&left, &right)
}

fn rights_come_without_room_for_payload(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"ab", &[&pipe.writer])?;
    let got = receive(&right, 0)?;
    check_eq!((got.header.bytes, got.files.len()), (0, 1));
    let got = receive(&right, 8)?;
    check_eq!((&got.data[..], got.files.len()), (&b"ab"[..], 0));
    Ok(())
}

fn rights_stay_after_a_fault(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"ab", &[&pipe.writer])?;
    let region = Region::new(1, libc::PROT_READ)?;
    let read_only = region.at(0);
    check_err!(region.call("read", libc::SYS_read, [right.number() as usize, read_only, 8, 0, 0, 0]), EFAULT);
    let got = receive(&right, 8)?;
    check_eq!((&got.data[..], got.files.len()), (&b"ab"[..], 1));
    Ok(())
}

fn rights_peeked_are_copies(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"ab", &[&pipe.writer])?;
    drop(pipe.writer);
    for _ in 0..2 {
        let got = receive_with(&right, 1, 64, libc::MSG_PEEK)?;
        check_eq!(&got.data[..], b"a");
        let file = only_file(got)?;
        check_eq!(sys::write(&file, b"x")?, 1);
    }
    check!(!is_hung_up(&pipe.reader)?);
    let got = receive(&right, 8)?;
    check_eq!(&got.data[..], b"ab");
    drop(only_file(got)?);
    check_eq!(sys::read(&pipe.reader, &mut [0; 8])?, 2);
    check!(is_hung_up(&pipe.reader)?);
    Ok(())
}

fn rights_peeked_end_the_look(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    sys::write(&left, b"a")?;
    send_files(&left, b"b", &[&pipe.writer])?;
    sys::write(&left, b"c")?;
    for flags in [libc::MSG_PEEK, libc::MSG_PEEK | libc::MSG_WAITALL] {
        let got = receive_with(&right, 8, 64, flags)?;
        check_eq!((&got.data[..], got.files.len()), (&b"ab"[..], 1));
    }
    Ok(())
}

fn rights_close_on_exec_on_request(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    sys::fcntl(&pipe.writer, libc::F_SETFD, libc::FD_CLOEXEC)?;
    for (flags, marked) in [(0, 0), (libc::MSG_CMSG_CLOEXEC, libc::FD_CLOEXEC as usize)] {
        send_files(&left, b"x", &[&pipe.writer])?;
        let got = receive_with(&right, 8, 64, flags)?;
        check_eq!(got.header.flags, flags);
        check_eq!(sys::fcntl(&only_file(got)?, libc::F_GETFD, 0)?, marked);
    }
    Ok(())
}

fn rights_take_the_lowest_numbers(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"x", &[&pipe.reader, &pipe.reader, &pipe.reader])?;
    let free: Vec<_> = (0..3).map(|_| sys::dup(&left)).collect::<Result<_, _>>()?;
    let numbers: Vec<_> = free.iter().map(Descriptor::number).collect();
    drop(free);
    let got = receive(&right, 8)?;
    check_eq!(got.files.iter().map(Descriptor::number).collect::<Vec<_>>(), numbers);
    Ok(())
}

fn rights_without_control_buffer_are_closed(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for with_pointer in [false, true] {
        let pipe = pipe()?;
        send_files(&left, b"x", &[&pipe.writer])?;
        drop(pipe.writer);
        let envelope =
            Envelope { control: if with_pointer { Some(&mut []) } else { None }, ..Envelope::default() };
        let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut [0; 8])], envelope, 0)?;
        check_eq!((header.bytes, header.control, header.flags), (1, 0, libc::MSG_CTRUNC));
        check!(is_hung_up(&pipe.reader)?);
    }
    exchange(&left, &right)
}

fn rights_beyond_the_room_are_closed(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    // Room, how many descriptors come, and how much of it is used.
    let cases = [
        (0, 0, 0),
        (1, 0, 0),
        (15, 0, 0),
        (16, 0, 0),
        (17, 0, 0),
        (19, 0, 0),
        (20, 1, 20),
        (21, 1, 21),
        (23, 1, 23),
        (24, 2, 24),
        (27, 2, 24),
        (28, 3, 28),
        (31, 3, 31),
        (32, 4, 32),
    ];
    for (room, come, used) in cases {
        let pipes: Vec<Pipe> = (0..4).map(|_| pipe()).collect::<Outcome<_>>()?;
        let files: Vec<&dyn Descriptor> = pipes.iter().map(|pipe| &pipe.writer as &dyn Descriptor).collect();
        send_files(&left, b"x", &files)?;
        let readers: Vec<OwnedFd> = pipes.into_iter().map(|pipe| pipe.reader).collect();
        let got = receive_with(&right, 8, room, 0)?;
        check_eq!((got.files.len(), got.header.control), (come, used), "room for {room}");
        check_eq!(got.is_truncated(), come < 4, "room for {room}");
        for (index, reader) in readers.iter().enumerate() {
            check_eq!(is_hung_up(reader)?, index >= come, "room for {room}, file {index}");
        }
    }
    exchange(&left, &right)
}

fn rights_beyond_the_limit_of_descriptors_are_closed(case: &Case) -> Outcome {
    case.in_child(|| {
        let (left, right) = pair()?;
        let pipes: Vec<Pipe> = (0..4).map(|_| pipe()).collect::<Outcome<_>>()?;
        let files: Vec<&dyn Descriptor> = pipes.iter().map(|pipe| &pipe.writer as &dyn Descriptor).collect();
        send_files(&left, b"x", &files)?;
        let readers: Vec<OwnedFd> = pipes.into_iter().map(|pipe| pipe.reader).collect();
        // Two numbers are free below the limit.
        let free: Vec<_> = (0..2).map(|_| sys::dup(&left)).collect::<Result<_, _>>()?;
        let limit = free.iter().map(Descriptor::number).max().unwrap_or_default() + 1;
        drop(free);
        sys::limit_descriptors(Some(limit as u64))?;
        let got = receive_with(&right, 8, 64, 0)?;
        check_eq!((got.files.len(), got.header.control), (2, space(8)));
        check!(got.is_truncated());
        for (index, reader) in readers.iter().enumerate() {
            check_eq!(is_hung_up(reader)?, index >= 2, "file {index}");
        }
        // Now there is none at all.
        check_err!(sys::dup(&left).map(|_| 0), EMFILE);
        send_files(&left, b"x", &[&left])?;
        let more = receive_with(&right, 8, 64, 0)?;
        check_eq!((more.files.len(), more.header.control, more.is_truncated()), (0, 0, true));
        exchange(&left, &right)
    })
}

fn rights_use_the_room_that_cmsg_space_says(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    for count in [1, 2, 3, 253] {
        let files = vec![&pipe.reader as &dyn Descriptor; count];
        send_files(&left, b"x", &files)?;
        let got = receive_with(&right, 8, 4096, 0)?;
        check_eq!(got.files.len(), count);
        check_eq!(got.header.control, space(4 * count));
        check_eq!(got.only(control::RIGHTS).map(<[u8]>::len), Some(4 * count));
        check!(!got.is_truncated());
    }
    Ok(())
}

/// Where the numbers cannot be stored, nothing is opened, and the payload has come all the same.
fn rights_of_a_bad_control_buffer_are_closed(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"x", &[&pipe.writer])?;
    drop(pipe.writer);
    let region = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    region.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
    // The header, with an iovec and room for the payload behind it; for control data, a page that cannot be written.
    let header = region.at(0);
    for (at, word) in
        [(16, header + 64), (24, 1), (32, region.at(PAGE)), (40, 64), (64, header + 128), (72, 8)]
    {
        region.write(at, &word.to_ne_bytes());
    }
    check_eq!(region.call("recvmsg", libc::SYS_recvmsg, [right.number() as usize, header, 0, 0, 0, 0])?, 1);
    let (mut used, mut flags) = ([0xa5; 8], [0xa5; 4]);
    region.read(40, &mut used);
    region.read(48, &mut flags);
    check_eq!(usize::from_ne_bytes(used), 0, "nothing of the room is used");
    check_eq!(i32::from_ne_bytes(flags), libc::MSG_CTRUNC);
    check!(is_hung_up(&pipe.reader)?);
    exchange(&left, &right)
}

fn rights_refuse_bad_descriptors(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    for bad in [-1, i32::MIN, i32::MAX, 0x0fff_ffff] {
        check_err!(send(&left, b"x", &rights(&[bad]), 0), EBADF, "{bad}");
        check_err!(send(&left, b"x", &rights(&[pipe.writer.number(), bad]), 0), EBADF, "{bad}");
    }
    drop(pipe.writer);
    check!(is_hung_up(&pipe.reader)?, "those before the bad one are let go of");
    check_err!(receive(&right, 8).map(|_| 0), EAGAIN);
    exchange(&left, &right)
}

fn rights_refuse_more_than_253(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let number = left.number();
    check_err!(send(&left, b"x", &rights(&[number; 254]), 0), EINVAL);
    check_err!(send(&left, b"x", &rights(&[-1; 254]), 0), EINVAL);
    let twice = [rights(&[number; 253]), rights(&[-1])].concat();
    check_err!(send(&left, b"x", &twice, 0), EINVAL);
    let twice = [rights(&[number; 252]), rights(&[-1])].concat();
    check_err!(send(&left, b"x", &twice, 0), EBADF);
    check_eq!(send(&left, b"x", &rights(&[number; 253]), 0)?, 1);
    check_eq!(receive(&right, 8)?.files.len(), 253);
    Ok(())
}

fn rights_of_several_messages_are_joined(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (one, two) = (pipe()?, pipe()?);
    let both = [rights(&[one.writer.number()]), rights(&[]), rights(&[two.writer.number()])].concat();
    check_eq!(send(&left, b"x", &both, 0)?, 1);
    let got = receive(&right, 8)?;
    check_eq!(got.files.len(), 2);
    check_eq!(got.messages.len(), 1);
    check_eq!(sys::write(&got.files[1], b"y")?, 1);
    check_eq!(sys::read(&two.reader, &mut [0; 4])?, 1);
    check_eq!(send(&left, b"x", &rights(&[]), 0)?, 1);
    check_eq!(receive(&right, 8)?.messages.len(), 0);
    Ok(())
}

fn rights_refuse_bad_lengths(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let number = left.number().to_ne_bytes();
    let socket = libc::SOL_SOCKET;
    for said in [0, 1, 15, 25, 1 << 32, 1 << 63, usize::MAX, usize::MAX - 7] {
        check_err!(send(&left, b"x", &raw(said, socket, control::RIGHTS, &number), 0), EINVAL, "{said:#x}");
        let second = [rights(&[left.number()]), raw(said, socket, control::RIGHTS, &number)].concat();
        check_err!(send(&left, b"x", &second, 0), EINVAL, "{said:#x}");
    }
    // Less than a header is no header; what overlaps the end is passed over.
    for cut in 0..16 {
        check_eq!(send(&left, b"x", &rights(&[left.number()])[..cut], 0)?, 1, "{cut} bytes");
        check_eq!(receive(&right, 8)?.messages.len(), 0);
    }
    for cut in 16..20 {
        check_err!(send(&left, b"x", &rights(&[left.number()])[..cut], 0), EINVAL, "{cut} bytes");
    }
    check_eq!(send(&left, b"x", &rights(&[left.number()])[..20], 0)?, 1, "the padding may be missing");
    check_eq!(receive(&right, 8)?.files.len(), 1);
    exchange(&left, &right)
}

fn rights_with_odd_lengths_are_rounded_down(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let numbers = [left.number().to_ne_bytes(), left.number().to_ne_bytes()].concat();
    for extra in 0..8 {
        let odd = raw(length(extra), libc::SOL_SOCKET, control::RIGHTS, &numbers);
        check_eq!(send(&left, b"x", &odd, 0)?, 1);
        check_eq!(receive(&right, 8)?.files.len(), extra / 4, "{extra} bytes");
    }
    Ok(())
}

fn control_unknown_types_are_refused(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for kind in [0, 3, 5, 29, 77, -1, i32::MAX, i32::MIN] {
        check_err!(send(&left, b"x", &message(kind, &[0; 4]), 0), EINVAL, "type {kind}");
    }
    exchange(&left, &right)
}

fn control_errors_come_in_order(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let malformed = raw(3, libc::SOL_SOCKET, control::RIGHTS, &[]);
    let (bad, short) = (rights(&[-1]), message(control::CREDENTIALS, &[0; 4]));
    check_err!(send(&left, b"x", &[bad.clone(), malformed.clone()].concat(), 0), EBADF);
    check_err!(send(&left, b"x", &[malformed, bad.clone()].concat(), 0), EINVAL);
    check_err!(send(&left, b"x", &[bad.clone(), short.clone()].concat(), 0), EBADF);
    check_err!(send(&left, b"x", &[short, bad].concat(), 0), EINVAL);
    exchange(&left, &right)
}

fn control_errors_come_before_the_state(_: &Case) -> Outcome {
    let fresh = super::help::socket()?;
    check_err!(send(&fresh, b"x", &rights(&[-1]), 0), EBADF);
    check_err!(send(&fresh, b"x", &rights(&[fresh.number()]), 0), ENOTCONN);
    let (left, right) = pair()?;
    drop(right);
    check_err!(send(&left, b"x", &rights(&[-1]), libc::MSG_NOSIGNAL), EBADF);
    check_err!(send(&left, b"x", &rights(&[left.number()]), libc::MSG_NOSIGNAL), EPIPE);
    Ok(())
}

fn control_too_large_is_refused(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(send(&left, b"x", &rights(&[]).repeat(8192), 0), ENOBUFS, "128 KiB");
    check_eq!(send(&left, b"x", &rights(&[]).repeat(4096), 0)?, 1, "64 KiB");
    check_eq!(receive(&right, 8)?.data, b"x");
    exchange(&left, &right)
}

fn rights_never_received_are_closed(_: &Case) -> Outcome {
    for first in [true, false] {
        let (left, right) = pair()?;
        let pipe = pipe()?;
        sys::write(&left, b"a")?;
        send_files(&left, b"b", &[&pipe.writer])?;
        drop(pipe.writer);
        if first {
            drop(left);
            check!(!is_hung_up(&pipe.reader)?);
            drop(right);
        } else {
            drop(right);
            check!(is_hung_up(&pipe.reader)?);
        }
        check!(is_hung_up(&pipe.reader)?);
    }
    Ok(())
}

fn rights_never_accepted_are_closed(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let listening = listener(&address, 4)?;
    let near = client(&address)?;
    let pipe = pipe()?;
    send_files(&near, b"x", &[&pipe.writer])?;
    drop(pipe.writer);
    check!(!is_hung_up(&pipe.reader)?);
    drop(listening);
    check!(is_hung_up(&pipe.reader)?);
    check_err!(sys::read(&near, &mut [0]), ECONNRESET);
    // Accepted, they come.
    let address = case.abstract_address("b");
    let listening = listener(&address, 4)?;
    let near = client(&address)?;
    send_files(&near, b"x", &[&near])?;
    let far = sys::accept(&listening)?;
    let file = only_file(receive(&far, 8)?)?;
    exchange(&file, &far)?;
    let (near, far) = accepted(&listening, &address)?;
    exchange(&near, &far)
}

fn rights_of_a_failed_send_are_not_kept(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    set_nonblocking(&left, true)?;
    super::help::fill(&left)?;
    let pipe = pipe()?;
    check_err!(send_files(&left, b"x", &[&pipe.writer]), EAGAIN);
    drop(right);
    check_err!(send(&left, b"x", &rights(&[pipe.writer.number()]), libc::MSG_NOSIGNAL), EPIPE);
    drop(pipe.writer);
    check!(is_hung_up(&pipe.reader)?);
    Ok(())
}

fn rights_over_a_shut_connection(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let pipe = pipe()?;
    send_files(&left, b"x", &[&pipe.writer])?;
    sys::shutdown(&left, libc::SHUT_RDWR)?;
    check_eq!(receive(&right, 8)?.files.len(), 1, "what was sent before comes");
    check_eq!(receive(&right, 8)?.data, b"");
    Ok(())
}

fn rights_wait_for_room(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let filled = super::help::fill(&left)?;
    let pipe = pipe()?;
    let writer = sys::dup(&pipe.writer)?;
    let sender = case.spawn(move || {
        check_eq!(
            sys::sendmsg(&left, &[IoSlice::new(b"xy")], with(&mut rights(&[writer.number()])), 0)?.bytes,
            2
        );
        Ok(left)
    });
    let mut file = File::from(right);
    let mut seen = vec![0; filled];
    file.read_exact(&mut seen)?;
    let right = OwnedFd::from(file);
    let got = receive_with(&right, 8, 64, 0)?;
    check_eq!((&got.data[..], got.files.len()), (&b"xy"[..], 1));
    exchange(&sender.join()?, &right)
}

fn with(control: &mut [u8]) -> Envelope<'_> {
    Envelope { control: Some(control), ..Envelope::default() }
}
