//! Tests of pipes and fifos.

use super::*;
use crate::memory::{
    Segment,
    tests::{BASE, Memory},
};

fn write(end: &End, bytes: &[u8]) -> Result<usize> {
    let memory = Memory::new(bytes);
    end.write(&mut Buffers::new(&memory, &[Segment { address: BASE, length: bytes.len() }]))
}

fn read(end: &End, length: usize) -> Result<Vec<u8>> {
    let memory = Memory::new(&vec![0; length]);
    let count = end.read(&mut Buffers::new(&memory, &[Segment { address: BASE, length }]))?;
    let mut bytes = memory.bytes.into_inner();
    bytes.truncate(count);
    Ok(bytes)
}

fn errno<T>(result: Result<T>) -> Option<Errno> {
    result.err().map(|error| error.errno)
}

#[test]
fn bytes_come_out_in_order_and_then_the_end() {
    let (_, reader, writer) = ends();
    assert_eq!(errno(read(&reader, 1)), Some(Errno::EAGAIN));
    assert_eq!(write(&writer, b"hello "), Ok(6));
    assert_eq!(write(&writer, b"world"), Ok(5));
    assert_eq!(reader.pipe().available(), 11);
    assert_eq!(read(&reader, 4).unwrap(), b"hell");
    assert_eq!(read(&reader, 0).unwrap(), b"");
    drop(writer);
    assert_eq!(reader.poll(), Events::IN | Events::RDNORM | Events::HUP);
    assert_eq!(read(&reader, 100).unwrap(), b"o world");
    assert_eq!(read(&reader, 100).unwrap(), b"");
    assert_eq!(reader.poll(), Events::HUP);
}

#[test]
fn small_writes_go_in_one_piece_or_not_at_all() {
    let (_, reader, writer) = ends();
    assert_eq!(write(&writer, &[1; 70_000]), Ok(65_536 - 4096 + 70_000 % 4096));
    assert_eq!(writer.poll(), Events::empty());
    assert_eq!(errno(write(&writer, &[2; 4096])), Some(Errno::EAGAIN));
    // The first page is partly filled, the last is full: as in Linux, not even one byte fits.
    assert_eq!(errno(write(&writer, &[2; 1])), Some(Errno::EAGAIN));
    assert_eq!(read(&reader, 70_000 % 4096).unwrap().len(), 70_000 % 4096);
    assert_eq!(writer.poll(), Events::OUT | Events::WRNORM);
    assert_eq!(write(&writer, &[2; 1]), Ok(1));
    assert_eq!(writer.poll(), Events::empty(), "the last page is taken");
    assert_eq!(write(&writer, &[3; 4095]), Ok(4095));
    assert_eq!(errno(write(&writer, &[4; 1])), Some(Errno::EAGAIN));
    let all = read(&reader, 100_000).unwrap();
    assert_eq!(all.len(), 65_536);
    assert_eq!(all[15 * 4096..15 * 4096 + 3], [2, 3, 3]);
}

#[test]
fn without_readers_writes_fail() {
    let (_, reader, writer) = ends();
    drop(reader);
    assert_eq!(errno(write(&writer, b"x")), Some(Errno::EPIPE));
    assert_eq!(write(&writer, b""), Ok(0));
    assert_eq!(writer.poll(), Events::OUT | Events::WRNORM | Events::ERR);
}

#[test]
fn a_fault_loses_nothing() {
    let (_, reader, writer) = ends();
    let mut bytes = vec![0_u8; 9000];
    bytes.iter_mut().enumerate().for_each(|(index, byte)| *byte = (index % 256) as u8);
    write(&writer, &bytes).unwrap();
    let first = 9000 % PAGE;
    for (mapped, asked, given) in [
        (0, 10, 0),
        (0, 9000, 0),
        (first - 1, 9000, 0),
        (5000, 9000, first + PAGE),
        (3000, PAGE, 0),
        (100, 150, 0),
    ] {
        let memory = Memory::new(&vec![0; mapped]);
        let segments = [Segment { address: BASE, length: asked }];
        let result = reader.read(&mut Buffers::new(&memory, &segments));
        match given {
            0 => assert_eq!(errno(result), Some(Errno::EFAULT)),
            _ => assert_eq!(result, Ok(given)),
        }
        bytes.drain(..given);
    }
    assert_eq!(read(&reader, 10_000).unwrap(), bytes);
    let memory = Memory::new(b"abc");
    let segments = [Segment { address: BASE, length: 4 }];
    assert_eq!(errno(writer.write(&mut Buffers::new(&memory, &segments))), Some(Errno::EFAULT));
    assert_eq!(reader.pipe().available(), 0, "half a piece is not written");
}

#[test]
fn capacities_are_powers_of_two() {
    let (pipe, reader, writer) = ends();
    assert_eq!(pipe.capacity(), 65_536);
    assert_eq!(pipe.set_capacity(5000), Ok(8192));
    assert_eq!(write(&writer, &[0; 10_000]), Ok(10_000 % 4096 + 4096));
    assert_eq!(errno(pipe.set_capacity(1)), Some(Errno::EBUSY));
    assert_eq!(errno(pipe.set_capacity(usize::MAX)), Some(Errno::EINVAL));
    assert_eq!(errno(pipe.set_capacity(2 << 20)), Some(Errno::EPERM));
    drop(reader);
}

#[test]
fn a_fifo_waits_for_its_other_end() {
    let fifo = Fifo::new();
    assert_eq!(errno(fifo.open(Access::WRITE, true)), Some(Errno::ENXIO));
    let (early, partner) = fifo.open(Access::READ, true).unwrap();
    assert!(partner.is_none());
    assert_eq!(early.poll(), Events::empty(), "no hang-up before the first writer");
    assert_eq!(read(&early, 1).unwrap(), b"");
    drop(early);
    let (reader, partner) = fifo.open(Access::READ, false).unwrap();
    let partner = partner.unwrap();
    assert!(!partner.arrived());
    let (writer, other) = fifo.open(Access::WRITE, false).unwrap();
    assert!(other.is_none());
    assert!(partner.arrived());
    write(&writer, b"x").unwrap();
    drop(writer);
    assert!(partner.arrived());
    assert_eq!(read(&reader, 9).unwrap(), b"x");
    assert_eq!(reader.poll(), Events::HUP);
    drop((reader, partner));
    assert_eq!(fifo.open(Access::READ | Access::WRITE, false).unwrap().0.pipe().available(), 0);
}

#[test]
fn pages_are_taken_as_they_are_at_one_moment() {
    let (pipe, reader, writer) = ends();
    assert_eq!(errno(pipe.take_pages(10, 1)), Some(Errno::EAGAIN));
    write(&writer, &[1; 4096]).unwrap();
    write(&writer, &[2; 4096]).unwrap();
    write(&writer, &[3; 4096]).unwrap();
    let lengths = |pages: Vec<PipePage>| pages.iter().map(|page| page.bytes().len()).collect::<Vec<_>>();
    assert_eq!(lengths(pipe.take_pages(5000, 9).unwrap()), [4096, 904], "a part of the last");
    assert_eq!(lengths(pipe.take_pages(usize::MAX, 1).unwrap()), [4096 - 904], "no more than asked for");
    assert_eq!(read(&reader, 9).unwrap(), [3; 9]);
    drop(writer);
    assert_eq!(lengths(pipe.take_pages(usize::MAX, 9).unwrap()), [4096 - 9]);
    assert!(pipe.take_pages(1, 1).unwrap().is_empty(), "the end");
}
