//! The values of getsockopt and setsockopt.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    abi::{read_int, write_int},
    caller::Caller,
    error::{Errno, Error, Result},
    identity::Credentials,
    socket::Linger,
};

/// What an option is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionValue {
    /// An `int`.
    Int(i32),
    /// An `int`, or a byte where there is no room for more (`ip(7)`).
    Byte(u8),
    /// A `struct timeval` or `struct __kernel_sock_timeval`: how long, 0 for ever.
    Time(Duration),
    /// A `struct linger`.
    Linger(Linger),
    /// A name, filled up with zeros.
    Name([u8; 16]),
    /// As [`OptionValue::Time`], for which there has to be room.
    WholeTime(Duration),
    /// The name of a device, which has to find room, up to its first zero; or that there is none.
    Device(Option<[u8; 16]>),
    /// A number of 64 bits, which has to find room.
    Wide(u64),
    /// A `struct ucred`.
    Credentials(Credentials),
}

/// The longest value that an option has: `struct ipv6_mreq`.
const GIVEN_MAX: usize = 20;

/// An option's value as a program gives it: read once, so that what is judged is what is set.
#[derive(Clone, Copy, Debug)]
pub struct OptionIn {
    bytes: [u8; GIVEN_MAX],
    /// How many of them there are: as many as the length says, or an `int` where no more can be read, or none.
    read: usize,
    length: i32,
}

impl OptionIn {
    /// Reads a value. That there is none is told when it is asked for.
    pub fn read<C: Caller>(caller: &C, address: usize, length: i32) -> Self {
        let mut given = Self { bytes: [0; GIVEN_MAX], read: 0, length };
        let whole = usize::try_from(length).unwrap_or_default().min(GIVEN_MAX);
        // Linux reads no more than the option has: what is behind an `int` may not be there.
        for count in [whole, whole.min(4)] {
            if caller.read_memory(address, &mut given.bytes[..count]).is_ok() {
                given.read = count;
                break;
            }
        }
        given
    }

    /// What was read of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.read]
    }

    /// The value as a `struct timeval` or `struct __kernel_sock_timeval`, which look the same: how long a call waits, where it
    /// does not wait for ever. As in Linux, a time before now is no time at all.
    ///
    /// # Errors
    /// EINVAL where it is shorter, EFAULT; EDOM for microseconds that are no part of a second.
    pub fn time(&self) -> Result<Option<Duration>> {
        let [seconds, microseconds] = self.words()?;
        if !(0..1_000_000).contains(&microseconds) {
            return Err(Error::new(Errno::EDOM, "no part of a second"));
        }
        let Ok(seconds) = u64::try_from(seconds) else { return Ok(Some(Duration::ZERO)) };
        // In ticks of a millisecond, rounded up.
        let milliseconds = (microseconds as u64).div_ceil(1000);
        let time = Duration::from_secs(seconds).saturating_add(Duration::from_millis(milliseconds));
        Ok(Some(time).filter(|time| !time.is_zero()))
    }

    /// The value as a `struct timeval`, which has to be one.
    ///
    /// # Errors
    /// EINVAL where it is shorter, EFAULT; ERANGE where it is before now, or its microseconds are no part of a second.
    pub fn time_in_range(&self) -> Result<Duration> {
        let [seconds, microseconds] = self.words()?;
        let parts = (u64::try_from(seconds), u32::try_from(microseconds));
        match parts {
            (Ok(seconds), Ok(microseconds @ 0..1_000_000)) => Ok(Duration::new(seconds, microseconds * 1000)),
            _ => Err(Error::new(Errno::ERANGE, "no time to wait")),
        }
    }

    /// The value as a number of 64 bits.
    ///
    /// # Errors
    /// EINVAL where it is shorter, EFAULT.
    pub fn wide(&self) -> Result<u64> {
        let bytes = self.at_least(8)?;
        bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes)).ok_or_else(|| Errno::EFAULT.into())
    }

    fn words(&self) -> Result<[i64; 2]> {
        if self.length < 16 {
            return Err(Error::new(Errno::EINVAL, "the value is shorter than a struct timeval"));
        }
        let (words, _) = self.bytes().as_chunks::<8>();
        match words {
            [one, other] => Ok([*one, *other].map(i64::from_ne_bytes)),
            _ => Err(Errno::EFAULT.into()),
        }
    }

    /// The value, where it has so many bytes or more; no more than the longest option has.
    ///
    /// # Errors
    /// EINVAL where it is shorter, EFAULT.
    pub fn at_least(&self, count: usize) -> Result<&[u8]> {
        if usize::try_from(self.length).is_ok_and(|length| length < count) {
            return Err(Error::new(Errno::EINVAL, "the value is too short"));
        }
        let bytes = self.bytes();
        if bytes.len() < count { Err(Errno::EFAULT.into()) } else { Ok(bytes) }
    }

    /// The value, where it has just so many bytes.
    ///
    /// # Errors
    /// EINVAL where it has not, EFAULT.
    pub fn exactly(&self, count: usize) -> Result<&[u8]> {
        if usize::try_from(self.length) != Ok(count) {
            return Err(Error::new(Errno::EINVAL, "the value has another length"));
        }
        self.at_least(count)
    }

    /// The value as the name of a device: nothing, or up to its first zero and no longer than 15 bytes.
    ///
    /// # Errors
    /// EFAULT
    pub fn device(&self) -> Result<&[u8]> {
        match self.length {
            0 => Ok(&[]),
            _ => self.name(),
        }
    }

    /// The value as a name: up to its first zero, and no longer than 15 bytes.
    ///
    /// # Errors
    /// EINVAL where there is none, EFAULT.
    pub fn name(&self) -> Result<&[u8]> {
        if self.length < 1 {
            return Err(Error::new(Errno::EINVAL, "there is no name"));
        }
        let bytes = self.bytes().get(..self.read.min(15)).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or(Errno::EFAULT)?;
        Ok(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// The value as a `struct linger`.
    ///
    /// # Errors
    /// EINVAL where it is shorter, EFAULT.
    pub fn linger(&self) -> Result<Linger> {
        if self.length < 8 {
            return Err(Error::new(Errno::EINVAL, "the value is shorter than a struct linger"));
        }
        let (words, _) = self.bytes().as_chunks::<4>();
        match words {
            [on, seconds, ..] => {
                Ok(Linger { on: i32::from_ne_bytes(*on) != 0, seconds: i32::from_ne_bytes(*seconds) })
            }
            _ => Err(Errno::EFAULT.into()),
        }
    }

    /// The value as an `int`, or as a byte where it is no longer: options of the level SOL_IP.
    ///
    /// # Errors
    /// EFAULT.
    pub fn int_or_byte(&self) -> Result<i32> {
        match (self.length, self.bytes()) {
            // As Linux has it, nothing is 0.
            (0, _) => Ok(0),
            (1..4, [byte, ..]) => Ok((*byte).into()),
            (1..4, []) => Err(Errno::EFAULT.into()),
            _ => self.int(),
        }
    }

    /// The value as an `int`.
    ///
    /// # Errors
    /// EINVAL where it is shorter, EFAULT.
    pub fn int(&self) -> Result<i32> {
        if self.length < 4 {
            return Err(Error::new(Errno::EINVAL, "the value is shorter than an int"));
        }
        match self.bytes().first_chunk() {
            Some(bytes) => Ok(i32::from_ne_bytes(*bytes)),
            None => Err(Errno::EFAULT.into()),
        }
    }
}

/// Where a program wants an option's value: a buffer and a value-result length.
#[derive(Clone, Copy, Debug)]
pub struct OptionOut {
    buffer: usize,
    length_at: usize,
    room: usize,
}

impl OptionOut {
    /// Reads the length.
    ///
    /// # Errors
    /// EFAULT; EINVAL where it is negative.
    pub fn read<C: Caller>(caller: &C, buffer: usize, length_at: usize) -> Result<Self> {
        let room = read_int(caller, length_at)?;
        let room = usize::try_from(room).map_err(|_| Error::new(Errno::EINVAL, "a negative length"))?;
        Ok(Self { buffer, length_at, room })
    }

    /// Stores numbers, for all of which there has to be room, and how many bytes they take.
    ///
    /// # Errors
    /// ERANGE where there is less room: the length then says how much is needed; EFAULT.
    pub fn write_numbers<C: Caller>(&self, caller: &C, numbers: &[u32]) -> Result<()> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        if self.room < bytes.len() {
            write_int(caller, self.length_at, bytes.len() as i32)?;
            return Err(Error::new(Errno::ERANGE, "there is no room for all of them"));
        }
        if !bytes.is_empty() {
            caller.write_memory(self.buffer, &bytes)?;
        }
        write_int(caller, self.length_at, bytes.len() as i32)
    }

    /// Stores as many numbers as there is room for, and how many bytes all of them take (NETLINK_LIST_MEMBERSHIPS).
    ///
    /// # Errors
    /// EFAULT.
    pub fn write_words<C: Caller>(&self, caller: &C, numbers: &[u32]) -> Result<()> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        let shown = &bytes[..(self.room & !3).min(bytes.len())];
        if !shown.is_empty() {
            caller.write_memory(self.buffer, shown)?;
        }
        write_int(caller, self.length_at, bytes.len() as i32)
    }

    /// Stores as many bytes as there is room for, and how many those are.
    ///
    /// # Errors
    /// EFAULT.
    pub fn write_some<C: Caller>(&self, caller: &C, bytes: &[u8]) -> Result<()> {
        let shown = &bytes[..self.room.min(bytes.len())];
        write_int(caller, self.length_at, shown.len() as i32)?;
        if !shown.is_empty() {
            caller.write_memory(self.buffer, shown)?;
        }
        Ok(())
    }

    /// Stores an `int`, for which there has to be room.
    ///
    /// # Errors
    /// EINVAL where there is none, EFAULT.
    pub fn write_int<C: Caller>(&self, caller: &C, value: i32) -> Result<()> {
        if self.room < 4 {
            return Err(Error::new(Errno::EINVAL, "there is no room for an int"));
        }
        write_int(caller, self.length_at, 4)?;
        write_int(caller, self.buffer, value)
    }

    /// Stores as much of the value as there is room for, and how much that is.
    ///
    /// # Errors
    /// EFAULT.
    pub fn write<C: Caller>(&self, caller: &C, value: OptionValue) -> Result<()> {
        let mut bytes = [0; 16];
        let size = match value {
            OptionValue::Int(value) => {
                bytes[..4].copy_from_slice(&value.to_ne_bytes());
                4
            }
            OptionValue::Byte(value) => {
                bytes[0] = value;
                if (1..4).contains(&self.room) { 1 } else { 4 }
            }
            OptionValue::WholeTime(_) if self.room < 16 => {
                return Err(Error::new(Errno::EINVAL, "there is no room for a struct timeval"));
            }
            OptionValue::Time(time) | OptionValue::WholeTime(time) => {
                bytes[..8].copy_from_slice(&time.as_secs().to_ne_bytes());
                bytes[8..].copy_from_slice(&u64::from(time.subsec_micros()).to_ne_bytes());
                16
            }
            OptionValue::Linger(Linger { on, seconds }) => {
                bytes[..4].copy_from_slice(&i32::from(on).to_ne_bytes());
                bytes[4..8].copy_from_slice(&seconds.to_ne_bytes());
                8
            }
            OptionValue::Name(name) => {
                bytes = name;
                16
            }
            OptionValue::Device(None) => 0,
            OptionValue::Device(Some(_)) if self.room < 16 => {
                return Err(Error::new(Errno::EINVAL, "there is no room for a name"));
            }
            OptionValue::Device(Some(name)) => {
                bytes = name;
                name.iter().position(|byte| *byte == 0).map_or(16, |end| end + 1)
            }
            OptionValue::Wide(_) if self.room < 8 => {
                return Err(Error::new(Errno::EINVAL, "there is no room for the number"));
            }
            OptionValue::Wide(value) => {
                bytes[..8].copy_from_slice(&value.to_ne_bytes());
                8
            }
            OptionValue::Credentials(Credentials { pid, uid, gid }) => {
                bytes[..4].copy_from_slice(&pid.to_ne_bytes());
                bytes[4..8].copy_from_slice(&uid.to_ne_bytes());
                bytes[8..12].copy_from_slice(&gid.to_ne_bytes());
                12
            }
        };
        let shown = size.min(self.room);
        if shown > 0 {
            caller.write_memory(self.buffer, &bytes[..shown])?;
        }
        write_int(caller, self.length_at, shown as i32)
    }
}
