/** What `npm start` was asked for. */
export interface StartArguments {
  readonly isHelpWanted: boolean
  readonly isReset: boolean
  readonly hasDemo: boolean
  readonly port: number
  readonly dataDir: string
}
