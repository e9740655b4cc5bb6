/** For pages that load their own files from here and nothing else, and run no text. */
export const OWN_FILES_ONLY = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      // The report, in a document that is of no origin.
      frameSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
      // What makes a figure of a report a drawing; no other text becomes part of the page.
      trustedTypes: ["figure"],
    },
  },
};
