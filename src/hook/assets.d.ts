/** Files that the bundler embeds; the default export is the path under which they can be read. */
declare module "*.so" {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: this is how an embedded file is imported
  export default path;
}
