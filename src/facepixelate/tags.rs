//! What of the events about a stream must not go on: the cover of a file is a picture of what was filmed, and covered by nobody.

/// The event without tags that hold bytes (covers, previews, attachments, private ones); `None`: nothing is left of it.
pub fn without_pictures(event: gst::Event) -> Option<gst::Event> {
    match event.view() {
        gst::EventView::Tag(tag) => {
            let names: Vec<_> = pictures(tag.tag()).collect();
            if names.is_empty() {
                return Some(event);
            }
            let mut tags = tag.tag_owned();
            names.iter().for_each(|name| tags.make_mut().remove_generic(name.as_str()));
            (tags.n_tags() > 0).then(|| {
                gst::event::Tag::builder(tags)
                    .seqnum(event.seqnum())
                    .running_time_offset(event.running_time_offset())
                    .build()
            })
        }
        // Chapters may have covers of their own; without the list of them a stream is as good.
        gst::EventView::Toc(toc) => {
            let toc = toc.toc().0;
            let tags = toc.tags();
            let has_picture =
                tags.is_some_and(|tags| pictures(&tags).next().is_some()) || toc.entries().iter().any(shows);
            (!has_picture).then_some(event)
        }
        _ => Some(event),
    }
}

/// Whether an entry, or one below it, has a picture.
fn shows(entry: &gst::TocEntry) -> bool {
    entry.tags().is_some_and(|tags| pictures(&tags).next().is_some()) || entry.sub_entries().iter().any(shows)
}

/// Names of the tags that hold bytes of any kind.
fn pictures(tags: &gst::TagListRef) -> impl Iterator<Item = gst::glib::GString> + '_ {
    use gst::glib::prelude::StaticType;
    let bytes = [gst::Sample::static_type(), gst::Buffer::static_type()];
    let names = (0..tags.n_tags()).filter_map(|index| tags.nth_tag_name(index));
    names.filter(move |name| bytes.contains(&gst::tags::tag_get_type(*name))).map(Into::into)
}
