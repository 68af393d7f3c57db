//! The walk from component to component (path_resolution(7)).

use alloc::{borrow::Cow, sync::Arc, vec::Vec};
use core::ops::Range;

use socket::error::{Errno, Error, Result};

use super::{MAX_LINKS, PATH_MAX, Walker};
use crate::{
    identity::Access,
    inode::{FileType, Inode, Located},
};

/// What to do with a symbolic link in the last place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// Follow it.
    Yes,
    /// Take the link itself, unless a slash follows it.
    No,
}

/// The last component of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    /// There is none: the path is `/`.
    Root,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// A name: where it is in the text.
    Name(Range<usize>),
}

/// An inode, and under which name it was found where that is known.
pub(crate) struct Found {
    pub(crate) inode: Arc<Inode>,
    pub(crate) located: Option<Located>,
}

/// A walk under way.
pub(crate) struct Walk<'a> {
    walker: Walker<'a>,
    /// Where the walk is.
    pub(crate) at: Arc<Inode>,
    /// The text that is walked, and how much of it is done.
    text: Cow<'a, [u8]>,
    done: usize,
    links: u32,
    /// Whether a slash follows the last component.
    pub(crate) slash: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(walker: &Walker<'a>, path: &'a [u8]) -> Result<Self> {
        if path.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the path is empty"));
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let at = if path[0] == b'/' { walker.root } else { walker.start };
        Ok(Self {
            walker: *walker,
            at: at.clone(),
            text: Cow::Borrowed(path),
            done: 0,
            links: 0,
            slash: false,
        })
    }

    /// The name in the last place.
    pub(crate) fn name(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Walks to the directory that holds the last component.
    pub(crate) fn last_component(&mut self) -> Result<Last> {
        loop {
            self.skip_slashes();
            let start = self.done;
            if start == self.text.len() {
                // A path of slashes: the root, or the target `/` of a link.
                return Ok(Last::Root);
            }
            if !self.at.is_directory() {
                return Err(Errno::ENOTDIR.into());
            }
            self.at.check(self.walker.who, Access::EXECUTE)?;
            let length = self.text[start..].iter().position(|byte| *byte == b'/');
            let end = length.map_or(self.text.len(), |length| start + length);
            self.done = end;
            self.skip_slashes();
            let last = self.done == self.text.len();
            let component = match &self.text[start..end] {
                b"." => Last::Dot,
                b".." => Last::DotDot,
                _ => Last::Name(start..end),
            };
            if last {
                self.slash = end < self.text.len();
                return Ok(component);
            }
            match component {
                Last::Root | Last::Dot => {}
                Last::DotDot => self.at = self.above()?,
                Last::Name(range) => {
                    let child = self.at.child(self.name(&range))?.ok_or(Errno::ENOENT)?;
                    if child.file_type() == FileType::Symlink {
                        self.follow(&child)?;
                    } else {
                        self.at = child;
                    }
                }
            }
        }
    }

    fn skip_slashes(&mut self) {
        let rest = &self.text[self.done..];
        self.done += rest.iter().position(|byte| *byte != b'/').unwrap_or(rest.len());
    }

    /// Where `..` leads: not above the root.
    pub(crate) fn above(&self) -> Result<Arc<Inode>> {
        if Arc::ptr_eq(&self.at, self.walker.root) { Ok(self.at.clone()) } else { self.at.parent() }
    }

    /// Goes through a symbolic link: its text takes the place of what was walked.
    pub(crate) fn follow(&mut self, link: &Arc<Inode>) -> Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Error::new(Errno::ELOOP, "too many symbolic links"));
        }
        if let Some(target) = link.magic_target()? {
            self.at = target.inode;
            // What is left starts with a slash or is nothing; as if it stood behind `.`.
            let mut text = Vec::from(b".".as_slice());
            text.extend_from_slice(&self.text[self.rest()..]);
            self.text = Cow::Owned(text);
            self.done = 0;
            return Ok(());
        }
        link.touch_accessed();
        let mut text = link.read_link()?;
        if text.first() == Some(&b'/') {
            self.at = self.walker.root.clone();
        }
        text.extend_from_slice(&self.text[self.rest()..]);
        self.text = Cow::Owned(text);
        self.done = 0;
        Ok(())
    }

    /// Where the text goes on behind the component that was just read: with the slash, if one follows.
    fn rest(&self) -> usize {
        let slash = self.done > 0 && self.text[self.done - 1] == b'/';
        if slash { self.done - 1 } else { self.done }
    }

    /// Walks to the end.
    pub(crate) fn resolve(&mut self, follow: Follow) -> Result<Found> {
        loop {
            let range = match self.last_component()? {
                Last::Root | Last::Dot => return self.arrived(self.at.clone(), None),
                Last::DotDot => {
                    let above = self.above()?;
                    return self.arrived(above, None);
                }
                Last::Name(range) => range,
            };
            let child = self.at.child(self.name(&range))?.ok_or(Errno::ENOENT)?;
            if child.file_type() == FileType::Symlink && (follow == Follow::Yes || self.slash) {
                if let Some(target) = child.magic_target()? {
                    return self.arrived(target.inode, target.located);
                }
                self.follow(&child)?;
                continue;
            }
            let located = Located { directory: self.at.clone(), name: self.name(&range).into() };
            return self.arrived(child, Some(located));
        }
    }

    fn arrived(&self, inode: Arc<Inode>, located: Option<Located>) -> Result<Found> {
        if self.slash && !inode.is_directory() {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(Found { inode, located })
    }
}

impl Walker<'_> {
    /// The inode that a path leads to.
    ///
    /// # Errors
    /// As path_resolution(7): ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
    pub fn find(&self, path: &[u8], follow: Follow) -> Result<Arc<Inode>> {
        Ok(self.locate(path, follow)?.inode)
    }

    pub(crate) fn locate(&self, path: &[u8], follow: Follow) -> Result<Found> {
        Walk::new(self, path)?.resolve(follow)
    }

    /// The directory that a path leads to, with permission to search it (chdir(2)).
    ///
    /// # Errors
    /// As [`Walker::find`].
    pub fn find_directory(&self, path: &[u8]) -> Result<Arc<Inode>> {
        let inode = self.find(path, Follow::Yes)?;
        if !inode.is_directory() {
            return Err(Errno::ENOTDIR.into());
        }
        inode.check(self.who, Access::EXECUTE)?;
        Ok(inode)
    }
}
