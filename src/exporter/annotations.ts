/** Annotation keys by which tools tell each other an image's name. */
export const Annotation = {
  /** containerd's: the whole, normalised name. */
  imageName: 'io.containerd.image.name',
  /** image-spec annotations.md: the tag, or with some tools the whole name. */
  refName: 'org.opencontainers.image.ref.name',
} as const;
